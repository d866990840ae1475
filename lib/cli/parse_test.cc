#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "gtest/gtest.h"
#include "lib/cli/command.h"
#include "lib/diag/diagnostic.h"

namespace deps {
namespace {

// A command with an option of each kind.
struct Sample {
  CommonOptions common;
  bool force = false;
  std::string action = "install";
  std::optional<std::string> upgrade;
  int64_t jobs = 4;
  std::vector<std::string> params;
  CommandSpec spec = {.name = "sample", .summary = "try options", .operands = "[FILE]"};

  Sample() {
    Option upgraded = Value("upgrade", "NODE", &upgrade, "Upgrade.");
    upgraded.value_optional = true;
    Option named = Value("param", "NAME=VALUE", &params, "Set a parameter.");
    named.short_name = 'p';
    Option acting = Value("action", "ACTION", &action, "What to do.");
    acting.may_be_empty = true;
    spec.options = {Flag("force", &force, "Do it."), acting, upgraded,
                    Value("jobs", "N", &jobs, "How many at once."), named};
    AddCommonOptions(&spec, &common, {"json", "tree", "dot"});
  }
};

std::string Show(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) out += "<" + word + ">";
  return out;
}

struct GoodCase {
  const char* name;
  std::vector<std::string> args;
  std::string expected;
};

// All that parsing has set, as one text.
std::string Show(const Sample& s, const Invocation& invocation) {
  return "output=" + s.common.output + " format=" + s.common.format +
         " flags=" + (s.common.quiet ? "q" : "") + (s.common.verbose ? "v" : "") +
         (s.common.compact ? "c" : "") + (s.force ? "f" : "") + " action=" + s.action +
         " upgrade=" + s.upgrade.value_or("none") + " jobs=" + std::to_string(s.jobs) +
         " params=" + Show(s.params) + " operands=" + Show(invocation.operands);
}

TEST(ParseCommandLineTest, TakesOptionsAsGnuDoes) {
  const std::vector<GoodCase> cases = {
      {"nothing",
       {},
       "output= format=json flags= action=install upgrade=none jobs=4 params= operands="},
      {"values after a space and after an equals sign",
       {"--format", "dot", "--action=upgrade"},
       "output= format=dot flags= action=upgrade upgrade=none jobs=4 params= operands="},
      {"short options with their value beside and behind",
       {"-oa", "-p", "x=1", "-py=2"},
       "output=a format=json flags= action=install upgrade=none jobs=4 params=<x=1><y=2> "
       "operands="},
      {"bundled flags, the last with a value",
       {"-qvo", "a"},
       "output=a format=json flags=qv action=install upgrade=none jobs=4 params= operands="},
      {"options behind operands",
       {"file", "--compact", "--force"},
       "output= format=json flags=cf action=install upgrade=none jobs=4 params= operands=<file>"},
      {"no option after two dashes",
       {"-q", "--", "--force"},
       "output= format=json flags=q action=install upgrade=none jobs=4 params= "
       "operands=<--force>"},
      {"a dash is an operand",
       {"-"},
       "output= format=json flags= action=install upgrade=none jobs=4 params= operands=<->"},
      {"a value that looks like an option",
       {"--action", "--force", "--jobs=-1"},
       "output= format=json flags= action=--force upgrade=none jobs=-1 params= operands="},
      {"an optional value, absent: the next word is an operand",
       {"--upgrade", "file"},
       "output= format=json flags= action=install upgrade= jobs=4 params= operands=<file>"},
      {"an optional value, present",
       {"--upgrade=root/a"},
       "output= format=json flags= action=install upgrade=root/a jobs=4 params= operands="},
      {"an empty value, where it is one",
       {"--action="},
       "output= format=json flags= action= upgrade=none jobs=4 params= operands="},
      {"the last of several values",
       {"--action=a", "--action=b"},
       "output= format=json flags= action=b upgrade=none jobs=4 params= operands="},
  };
  for (const GoodCase& c : cases) {
    Sample sample;
    const absl::StatusOr<Invocation> invocation = ParseCommandLine(sample.spec, c.args);
    ASSERT_TRUE(invocation.ok()) << c.name << ": " << invocation.status();
    EXPECT_EQ(Show(sample, *invocation), c.expected) << c.name;
    EXPECT_FALSE(invocation->print.has_value()) << c.name;
  }
}

struct BadCase {
  const char* name;
  std::vector<std::string> args;
  std::string message;
  std::string hint;
};

TEST(ParseCommandLineTest, SaysWhatIsWrongAndWhatWasMeant) {
  const std::string help = "try 'sample --help'";
  const std::vector<BadCase> cases = {
      {"unknown", {"--bogus"}, "unknown option '--bogus'", help},
      {"unknown, misspelled",
       {"--fromat=dot"},
       "unknown option '--fromat'",
       "did you mean '--format'? " + help},
      {"abbreviated",
       {"--outp", "x"},
       "unknown option '--outp'",
       "did you mean '--output'? " + help},
      {"unknown short", {"-qx"}, "unknown option '-x'", help},
      {"no value", {"--output"}, "option '--output' needs a value", help},
      {"an empty value",
       {"--output="},
       "the value of option '--output' is empty",
       "is a variable of the shell not set?"},
      {"an empty value of a short one",
       {"-o", ""},
       "the value of option '-o' is empty",
       "is a variable of the shell not set?"},
      {"an empty operand", {""}, "an operand is empty", "is a variable of the shell not set?"},
      {"no value for a short one", {"-qo"}, "option '-o' needs a value", help},
      {"a value for a flag", {"--force=yes"}, "option '--force' takes no value", help},
      {"a value for help", {"--help=yes"}, "option '--help' takes no value", help},
      {"no such choice",
       {"--format", "xml"},
       "option '--format': 'xml' is not one of json, tree, dot",
       help},
      {"a choice, misspelled",
       {"--format=tre"},
       "option '--format': 'tre' is not one of json, tree, dot",
       "did you mean 'tree'? " + help},
      {"no number", {"--jobs", "4x"}, "option '--jobs': '4x' is not a whole number", help},
      {"a number beyond 64 bits",
       {"--jobs=99999999999999999999"},
       "option '--jobs': '99999999999999999999' is not a whole number",
       help},
      {"one operand too many", {"a", "-"}, "unexpected operand '-'", help},
  };
  for (const BadCase& c : cases) {
    Sample sample;
    const absl::Status status = ParseCommandLine(sample.spec, c.args).status();
    EXPECT_EQ(DiagnosticsOf(status),
              (std::vector<Diagnostic>{
                  {.id = DiagnosticId::kUsage, .message = c.message, .hint = c.hint}}))
        << c.name;
  }
}

TEST(ParseCommandLineTest, AnErrorLeavesTheTargetsAsTheyWere) {
  Sample sample;
  ASSERT_FALSE(ParseCommandLine(sample.spec, {"--diagnostics=json", "-q", "--bogus"}).ok());
  EXPECT_EQ(sample.common.diagnostics, "text");
  EXPECT_FALSE(sample.common.quiet);
}

TEST(ParseCommandLineTest, MissingOperandsAreNamed) {
  Sample sample;
  sample.spec.operands = "SOURCE TARGET";
  sample.spec.min_operands = sample.spec.max_operands = 2;
  EXPECT_EQ(ParseCommandLine(sample.spec, {"a"}).status().message(), "missing operand TARGET");
  EXPECT_TRUE(ParseCommandLine(sample.spec, {"a", "b"}).ok());
}

TEST(ParseCommandLineTest, HelpWinsOverWhatFollowsIt) {
  for (const std::string option : {"-h", "--help", "-qh"}) {
    Sample sample;
    const absl::StatusOr<Invocation> invocation =
        ParseCommandLine(sample.spec, {"--format=dot", option, "--bogus"});
    ASSERT_TRUE(invocation.ok()) << option << invocation.status();
    EXPECT_EQ(invocation->print, FormatHelp(sample.spec)) << option;
  }
}

TEST(ParseCommandLineTest, PrintsTheVersionAndTheGeneratedTexts) {
  Sample sample;
  EXPECT_EQ(ParseCommandLine(sample.spec, {"--version"})->print, "sample (cnab-deps) 0.1.0\n");
  EXPECT_EQ(ParseCommandLine(sample.spec, {"--man"})->print, FormatManPage(sample.spec));
  EXPECT_EQ(ParseCommandLine(sample.spec, {"--completion"})->print, FormatCompletion(sample.spec));
}

class VerbTest : public testing::Test {
 protected:
  std::string Parse(const std::vector<std::string>& args) {
    const absl::StatusOr<Invocation> invocation = ParseCommandLine(spec_, args);
    if (!invocation.ok()) return std::string(invocation.status().message());
    return invocation->verb + ": " + Show(invocation->operands);
  }

  CommandSpec spec_ = {
      .name = "sample",
      .operands = "[PLAN]",
      .verbs = {{.name = "list"},
                {.name = "show", .operands = "ID [TASK]", .min_operands = 1, .max_operands = 2}}};
};

TEST_F(VerbTest, TheFirstOperandMayBeAVerb) {
  EXPECT_EQ(Parse({"list"}), "list: ");
  EXPECT_EQ(Parse({"show", "7", "task"}), "show: <7><task>");
  EXPECT_EQ(Parse({"plan.json"}), ": <plan.json>");
  EXPECT_EQ(Parse({}), ": ");
  EXPECT_EQ(Parse({"list", "x"}), "unexpected operand 'x'");
  EXPECT_EQ(Parse({"show"}), "'show': missing operand ID");
}

TEST_F(VerbTest, AVerbMayBeRequired) {
  spec_.verb_required = true;
  EXPECT_EQ(Parse({"list"}), "list: ");
  EXPECT_EQ(Parse({"lst"}), "unknown verb 'lst', expected one of list, show");
  EXPECT_EQ(Parse({}), "missing verb, expected one of list, show");
}

}  // namespace
}  // namespace deps
