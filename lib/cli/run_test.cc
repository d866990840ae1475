#include <cstdlib>
#include <map>
#include <sstream>
#include <streambuf>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "lib/cli/command.h"
#include "lib/io/file.h"

namespace deps {
namespace {

// The world of a command, as a test makes it.
struct World {
  std::istringstream in;
  std::ostringstream out;
  std::ostringstream err;
  std::map<std::string, std::string, std::less<>> environment;
  Env env = {.in = &in, .out = &out, .err = &err, .getenv = [this](std::string_view name) {
               const auto it = environment.find(name);
               return it == environment.end() ? std::nullopt : std::optional(it->second);
             }};
};

ExitCode RunWith(World& world, const std::vector<std::string>& args, const CommandBody& body) {
  CommandSpec spec = {.name = "sample", .summary = "try a body", .operands = "[FILE]"};
  CommonOptions common;
  AddCommonOptions(&spec, &common);
  return RunCommand(spec, common, args, world.env, body);
}

absl::StatusOr<ExitCode> Refuse(const Invocation&, const Env&, Terminal&) {
  return MakeError({.id = DiagnosticId::kGraphCycle, .message = "a -> b -> a"});
}

TEST(RunCommandTest, TheBodysAnswerIsTheExitStatus) {
  World world;
  EXPECT_EQ(
      RunWith(world, {}, [](const Invocation&, const Env&, Terminal&) { return ExitCode::kNo; }),
      ExitCode::kNo);
  EXPECT_EQ(world.out.str() + world.err.str(), "");
}

TEST(RunCommandTest, AnErrorIsReportedOnce) {
  World world;
  EXPECT_EQ(RunWith(world, {}, Refuse), ExitCode::kInput);
  EXPECT_EQ(world.out.str(), "");
  EXPECT_EQ(world.err.str(), "sample: error: a -> b -> a [graph-cycle]\n");
}

TEST(RunCommandTest, AnErrorIsReportedInTheFormatAskedFor) {
  World world;
  EXPECT_EQ(RunWith(world, {"--diagnostics=github"}, Refuse), ExitCode::kInput);
  EXPECT_EQ(world.err.str(), "::error title=graph-cycle::a -> b -> a\n");
}

TEST(RunCommandTest, AUsageErrorIsTextWhateverTheRestOfTheLineAsksFor) {
  World world;
  EXPECT_EQ(RunWith(world, {"--diagnostics=json", "-q", "--bogus"}, Refuse), ExitCode::kUsage);
  EXPECT_EQ(world.err.str(),
            "sample: error: unknown option '--bogus' [usage]\n"
            "sample: hint: try 'sample --help'\n");
}

TEST(RunCommandTest, HelpGoesToStandardOutput) {
  World world;
  EXPECT_EQ(RunWith(world, {"--help"}, Refuse), ExitCode::kOk);
  EXPECT_EQ(world.out.str().substr(0, 32), "Usage: sample [OPTIONS] [FILE]\n\n");
  EXPECT_EQ(world.err.str(), "");
}

struct ColorCase {
  const char* name;
  std::string choice;
  std::map<std::string, std::string, std::less<>> environment;
  bool terminal;
  bool expected;
};

TEST(TerminalTest, ColorFollowsTheOptionThenTheEnvironmentThenTheTerminal) {
  const std::vector<ColorCase> cases = {
      {"a terminal", "auto", {}, true, true},
      {"no terminal", "auto", {}, false, false},
      {"a dumb terminal", "auto", {{"TERM", "dumb"}}, true, false},
      {"NO_COLOR", "auto", {{"NO_COLOR", "1"}}, true, false},
      {"NO_COLOR that is empty", "auto", {{"NO_COLOR", ""}}, true, true},
      {"FORCE_COLOR", "auto", {{"FORCE_COLOR", "1"}}, false, true},
      {"FORCE_COLOR over TERM", "auto", {{"FORCE_COLOR", "1"}, {"TERM", "dumb"}}, true, true},
      {"NO_COLOR over FORCE_COLOR", "auto", {{"FORCE_COLOR", "1"}, {"NO_COLOR", "1"}}, true, false},
      {"--color=always over NO_COLOR", "always", {{"NO_COLOR", "1"}}, false, true},
      {"--color=never over FORCE_COLOR", "never", {{"FORCE_COLOR", "1"}}, true, false},
  };
  for (const ColorCase& c : cases) {
    World world;
    world.environment = c.environment;
    world.env.err_is_terminal = c.terminal;
    CommonOptions options;
    options.color = c.choice;
    EXPECT_EQ(Terminal(world.env, "sample", options).color(), c.expected) << c.name;
  }
}

// What a terminal with these options prints of one of everything.
std::string PrintAll(const CommonOptions& options) {
  World world;
  Terminal terminal(world.env, "sample", options);
  terminal.Say("said");
  terminal.Detail("detail");
  terminal.Report(Diagnostic{
      .id = DiagnosticId::kOffline, .severity = Severity::kWarning, .message = "warned"});
  terminal.Report(
      MakeErrors({{.id = DiagnosticId::kOffline, .severity = Severity::kNote, .message = "noted"},
                  {.id = DiagnosticId::kOffline, .message = "failed"}}));
  return world.err.str();
}

TEST(TerminalTest, SaysAsMuchAsAskedFor) {
  const std::string error = "sample: error: failed [offline]\n";
  const std::string rest =
      "sample: warning: warned [offline]\nsample: note: noted [offline]\n" + error;
  EXPECT_EQ(PrintAll({}), "sample: said\n" + rest);
  EXPECT_EQ(PrintAll({.verbose = true}), "sample: said\nsample: detail\n" + rest);
  EXPECT_EQ(PrintAll({.quiet = true, .verbose = true}), error);
}

TEST(TerminalTest, JsonDiagnosticsStandAlone) {
  EXPECT_EQ(PrintAll({.verbose = true, .diagnostics = "json"}).substr(0, 20),
            "{\"command\":\"sample\",");
}

TEST(ReadOperandTest, ADashAndNothingAreStandardInput) {
  for (const std::string operand : {"", "-"}) {
    World world;
    world.in.str(std::string("a\0b\n", 4));
    const absl::StatusOr<Source> source = ReadOperand(operand, world.env);
    ASSERT_TRUE(source.ok()) << source.status();
    EXPECT_EQ(source->name, "<stdin>");
    EXPECT_EQ(source->text, std::string("a\0b\n", 4));
    EXPECT_EQ(world.err.str(), "");
  }
}

TEST(ReadOperandTest, SaysOnATerminalThatItWaits) {
  World world;
  world.env.in_is_terminal = true;
  ASSERT_TRUE(ReadOperand("-", world.env).ok());
  EXPECT_EQ(world.err.str(), "reading standard input from the terminal; Ctrl-D ends it\n");
}

TEST(ReadOperandTest, StandardInputIsBounded) {
  World world;
  world.in.str("123456");
  EXPECT_TRUE(ReadOperand("-", world.env, 6).ok());
  world.in.clear();
  world.in.str("1234567");
  EXPECT_TRUE(HasId(ReadOperand("-", world.env, 6).status(), DiagnosticId::kInputTooLarge));
}

TEST(ReadOperandTest, AFileIsReadUnderItsName) {
  World world;
  const absl::Status status = ReadOperand("none.json", world.env).status();
  ASSERT_TRUE(HasId(status, DiagnosticId::kFileNotFound)) << status;
  EXPECT_EQ(DiagnosticsOf(status)[0].location.file, "none.json");
}

struct BrokenBuffer : std::streambuf {
  int_type underflow() override { throw std::runtime_error("broken"); }
};

TEST(ReadOperandTest, AStreamThatBreaksIsAnErrorAndNoShortInput) {
  World world;
  BrokenBuffer broken;
  std::istream in(&broken);
  world.env.in = &in;
  EXPECT_TRUE(HasId(ReadOperand("-", world.env).status(), DiagnosticId::kFileRead));
}

TEST(WriteResultTest, WritesToTheStreamOrReplacesTheFile) {
  World world;
  ASSERT_TRUE(WriteResult("", "a", world.env).ok());
  ASSERT_TRUE(WriteResult("-", "b", world.env).ok());
  EXPECT_EQ(world.out.str(), "ab");
  const absl::StatusOr<TemporaryFolder> folder = TemporaryFolder::Create("run-test");
  ASSERT_TRUE(WriteResult(folder->path() + "/c", "c", world.env).ok());
  EXPECT_EQ(ReadFile(folder->path() + "/c")->text, "c");
}

TEST(WriteResultTest, AStreamThatTakesNothingIsAnError) {
  World world;
  world.out.setstate(std::ios::badbit);
  EXPECT_TRUE(HasId(WriteResult("", "a", world.env), DiagnosticId::kFileWrite));
}

}  // namespace
}  // namespace deps
