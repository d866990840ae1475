#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "lib/cli/command.h"
#include "lib/cli/describe.h"

namespace deps {
namespace {

constexpr size_t kWidth = 80;
constexpr size_t kHelpColumn = 26;

// The words of `text` in lines of at most kWidth. The cursor stands at
// `column`; further lines begin at `indent`.
std::string Wrap(std::string_view text, size_t column, size_t indent) {
  std::string out;
  bool first = true;
  for (const std::string_view word : absl::StrSplit(text, ' ', absl::SkipEmpty())) {
    if (!first && column + 1 + word.size() > kWidth) {
      absl::StrAppend(&out, "\n", std::string(indent, ' '));
      column = indent;
      first = true;
    }
    absl::StrAppend(&out, first ? "" : " ", word);
    column += word.size() + (first ? 0 : 1);
    first = false;
  }
  return out + "\n";
}

// `left` indented by two, then `right` from kHelpColumn on.
std::string Row(std::string_view left, std::string_view right) {
  std::string out = absl::StrCat("  ", left);
  if (out.size() + 2 > kHelpColumn) {
    absl::StrAppend(&out, "\n", std::string(kHelpColumn, ' '));
  } else {
    out.resize(kHelpColumn, ' ');
  }
  return out + Wrap(right, kHelpColumn, kHelpColumn);
}

std::string Spelling(const Option& option) {
  std::string out =
      option.short_name == 0 ? "    " : absl::StrCat("-", std::string(1, option.short_name), ", ");
  absl::StrAppend(&out, "--", option.long_name);
  if (IsFlag(option)) return out;
  const std::string value = ValueNameOf(option);
  return option.value_optional ? absl::StrCat(out, "[=", value, "]")
                               : absl::StrCat(out, " ", value);
}

// All but the first sentence is for the manual page; what HelpOf adds stays.
std::string ShortHelp(const Option& option) {
  Option shortened = option;
  const size_t end = option.help.find(". ");
  if (end != std::string::npos) shortened.help = option.help.substr(0, end + 1);
  return HelpOf(shortened);
}

}  // namespace

std::string FormatHelp(const CommandSpec& spec) {
  std::string out;
  for (const std::string& line : SynopsisLines(spec)) {
    absl::StrAppend(&out, out.empty() ? "Usage: " : "       ", spec.name, " ", line, "\n");
  }
  absl::StrAppend(&out, "\n", Wrap(absl::StrCat(spec.name, " - ", spec.summary), 0, 0));
  if (!spec.reads.empty()) absl::StrAppend(&out, "Reads ", spec.reads, ".\n");
  if (!spec.writes.empty()) absl::StrAppend(&out, "Writes ", spec.writes, ".\n");
  if (!spec.verbs.empty()) out += "\nVerbs:\n";
  for (const Verb& verb : spec.verbs) {
    out += Row(verb.operands.empty() ? verb.name : absl::StrCat(verb.name, " ", verb.operands),
               verb.summary);
  }
  for (const OptionGroup& group : GroupOptions(spec)) {
    absl::StrAppend(&out, "\n", group.heading, ":\n");
    for (const Option& option : group.options) out += Row(Spelling(option), ShortHelp(option));
  }
  out += "\nExit status:\n";
  for (const auto& [status, meaning] : ExitStatuses(spec)) {
    std::string left = absl::StrCat("  ", status);
    left.resize(7, ' ');
    out += left + Wrap(meaning, 7, 7);
  }
  if (!spec.examples.empty()) out += "\nExamples:\n";
  for (const Example& example : spec.examples) {
    absl::StrAppend(&out, "  ", example.command, "\n      ", Wrap(example.explanation, 6, 6));
  }
  return out;
}

}  // namespace deps
