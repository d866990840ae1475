#include <algorithm>
#include <cctype>
#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "lib/base/version.h"
#include "lib/cli/command.h"
#include "lib/cli/describe.h"

namespace deps {
namespace {

// The day of the version: a page does not depend on when it is printed.
constexpr std::string_view kDate = "November 21, 2026";

std::string Escape(std::string_view text) { return absl::StrReplaceAll(text, {{"\\", "\\e"}}); }

// One argument of a macro. The \& keeps a word from being taken for a macro.
std::string Argument(std::string_view text) {
  return absl::StrCat("\"\\&", absl::StrReplaceAll(Escape(text), {{"\"", "\\(dq"}}), "\"");
}

// Text lines, each sentence on its own, as roff wants them.
std::string Text(std::string_view text) {
  std::string out;
  for (const std::string& paragraph : Paragraphs(text)) {
    if (!out.empty()) out += ".Pp\n";
    std::string escaped = Escape(paragraph);
    size_t begin = 0;
    while (begin < escaped.size()) {
      size_t end = escaped.find(". ", begin);
      end = end == std::string::npos ? escaped.size() : end + 1;
      const std::string_view line = std::string_view(escaped).substr(begin, end - begin);
      const bool is_request = absl::StartsWith(line, ".") || absl::StartsWith(line, "'");
      absl::StrAppend(&out, is_request ? "\\&" : "", line, "\n");
      begin = end + 1;
    }
  }
  return out;
}

// "[OPTIONS] show ID [TASK [NAME]]" as macros.
std::string Operands(std::string_view line) {
  std::string out;
  const std::string spaced = absl::StrReplaceAll(line, {{"[", " [ "}, {"]", " ] "}});
  for (const std::string_view word : absl::StrSplit(spaced, ' ', absl::SkipEmpty())) {
    if (word == "[") {
      out += ".Oo\n";
    } else if (word == "]") {
      out += ".Oc\n";
    } else {
      const bool is_name = absl::ascii_isupper(static_cast<unsigned char>(word[0]));
      absl::StrAppend(&out, is_name ? ".Ar " : ".Cm ", Argument(word), "\n");
    }
  }
  return out;
}

std::string Spelling(const Option& option) {
  std::string out = ".It ";
  if (option.short_name != 0)
    absl::StrAppend(&out, "Fl ", std::string(1, option.short_name), " , ");
  absl::StrAppend(&out, "Fl ", Argument("-" + option.long_name));
  if (!IsFlag(option)) {
    const std::string value = Argument(ValueNameOf(option));
    absl::StrAppend(&out, option.value_optional ? " Ns Op = Ns Ar " : " Ar ", value);
  }
  return out + "\n";
}

std::string NameAndSynopsis(const CommandSpec& spec) {
  std::string out =
      absl::StrCat(".Sh NAME\n.Nm ", spec.name, "\n.Nd ", Escape(spec.summary), "\n.Sh SYNOPSIS\n");
  for (const std::string& line : SynopsisLines(spec)) {
    absl::StrAppend(&out, ".Nm ", spec.name, "\n", Operands(line));
  }
  return out;
}

std::string Description(const CommandSpec& spec) {
  std::string out = ".Sh DESCRIPTION\n";
  out += Text(spec.description.empty() ? absl::StrCat("This command can ", spec.summary, ".")
                                       : spec.description);
  if (!spec.reads.empty())
    absl::StrAppend(&out, ".Pp\n", Text(absl::StrCat("Reads ", spec.reads, ".")));
  if (!spec.writes.empty())
    absl::StrAppend(&out, ".Pp\n", Text(absl::StrCat("Writes ", spec.writes, ".")));
  if (!spec.verbs.empty()) out += ".Ss Verbs\n.Bl -tag -width Ds\n";
  for (const Verb& verb : spec.verbs) {
    absl::StrAppend(&out, ".It Cm ", Argument(verb.name));
    if (!verb.operands.empty()) absl::StrAppend(&out, " Ar ", Argument(verb.operands));
    absl::StrAppend(&out, "\n", Text(verb.summary));
  }
  if (!spec.verbs.empty()) out += ".El\n";
  for (const OptionGroup& group : GroupOptions(spec)) {
    absl::StrAppend(&out, ".Ss ", Escape(group.heading), "\n.Bl -tag -width Ds\n");
    for (const Option& option : group.options) out += Spelling(option) + Text(HelpOf(option));
    out += ".El\n";
  }
  return out;
}

std::string Environment(const CommandSpec& spec) {
  std::string out = ".Sh ENVIRONMENT\n.Bl -tag -width Ds\n";
  std::vector<std::string> entries = spec.environment;
  entries.insert(entries.end(),
                 {"NO_COLOR  Where it is not empty, diagnostics have no color.",
                  "FORCE_COLOR  Where it is not empty, diagnostics have color on every output.",
                  "TERM  With the value dumb, diagnostics have no color."});
  for (const std::string& entry : entries) {
    // Names, and behind two spaces what they do.
    const size_t end = entry.find("  ");
    absl::StrAppend(&out, ".It Ev ", Argument(entry.substr(0, end)), "\n");
    if (end != std::string::npos) out += Text(entry.substr(end));
  }
  return out + ".El\n";
}

std::string ExitStatusSection(const CommandSpec& spec) {
  std::string out = ".Sh EXIT STATUS\n.Bl -tag -width Ds\n";
  for (const auto& [status, meaning] : ExitStatuses(spec)) {
    absl::StrAppend(&out, ".It ", status, "\n", Text(meaning));
  }
  return out + ".El\n";
}

std::string ExamplesSection(const CommandSpec& spec) {
  if (spec.examples.empty()) return "";
  std::string out = ".Sh EXAMPLES\n";
  for (const Example& example : spec.examples) {
    if (&example != &spec.examples.front()) out += ".Pp\n";
    absl::StrAppend(&out, Text(example.explanation), ".Pp\n.Dl ", Argument(example.command), "\n");
  }
  return out;
}

std::string_view StatusOf(DiagnosticClass diagnostic_class) {
  switch (diagnostic_class) {
    case DiagnosticClass::kAnswer:
      return "1";
    case DiagnosticClass::kUsage:
      return "2";
    case DiagnosticClass::kInput:
      return "3";
    case DiagnosticClass::kEnvironment:
      return "4";
    case DiagnosticClass::kBug:
      return "5";
  }
  return "5";
}

std::string DiagnosticsSection(const CommandSpec& spec) {
  std::string out = absl::StrCat(
      ".Sh DIAGNOSTICS\nErrors and warnings go to standard error, one a line:\n.Pp\n.Dl ",
      Argument(absl::StrCat(spec.name, ": FILE:LINE:COLUMN: POINTER: error: MESSAGE [id]")),
      "\n.Pp\nPOINTER is a JSON Pointer; parts that do not apply are left out.\n"
      "A line that begins with hint says what can be done.\n"
      "These are the ids of all commands, with the exit status of each:\n.Bl -tag -width Ds\n");
  for (const DiagnosticInfo& info : AllDiagnostics()) {
    absl::StrAppend(&out, ".It Li ", Argument(info.name), " (", StatusOf(info.diagnostic_class),
                    ")\n", Text(absl::StrCat(info.meaning, ".")));
  }
  return out + ".El\n";
}

// "deps-solve(1)" as a cross reference, in the alphabetical order that manual
// pages keep to.
std::string SeeAlso(const CommandSpec& spec) {
  if (spec.see_also.empty()) return "";
  std::vector<std::string> pages = spec.see_also;
  std::sort(pages.begin(), pages.end());
  std::string out = ".Sh SEE ALSO\n";
  for (const std::string& page : pages) {
    const size_t open = page.find('(');
    const std::string_view end = &page == &pages.back() ? "" : " ,";
    if (open == std::string::npos) {
      absl::StrAppend(&out, ".Lk ", Argument(page), end, "\n");
    } else {
      absl::StrAppend(&out, ".Xr ", page.substr(0, open), " ",
                      page.substr(open + 1, page.find(')') - open - 1), end, "\n");
    }
  }
  return out;
}

}  // namespace

std::string FormatManPage(const CommandSpec& spec) {
  return absl::StrCat(".Dd ", kDate, "\n.Dt ", absl::AsciiStrToUpper(spec.name),
                      " 1\n.Os cnab-deps ", kVersion, "\n", NameAndSynopsis(spec),
                      Description(spec), Environment(spec), ExitStatusSection(spec),
                      ExamplesSection(spec), DiagnosticsSection(spec), SeeAlso(spec));
}

}  // namespace deps
