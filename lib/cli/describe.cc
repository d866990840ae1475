#include "lib/cli/describe.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

namespace deps {
namespace {

// Choices longer than this are told in the help's text instead.
constexpr size_t kInlineChoices = 24;

constexpr std::string_view kEveryCommand = "Every command";

Option Printing(char short_name, std::string_view long_name, std::string_view help) {
  return {.short_name = short_name,
          .long_name = std::string(long_name),
          .help = std::string(help),
          .target = static_cast<bool*>(nullptr),
          .group = std::string(kEveryCommand)};
}

// The value that the target holds before parsing; "" where it says nothing.
std::string DefaultOf(const Option& option) {
  if (const auto* text = std::get_if<std::string*>(&option.target)) {
    return *text == nullptr ? "" : **text;
  }
  // 0 is what a number is where nobody says anything; the option's text tells what that means.
  if (const auto* number = std::get_if<int64_t*>(&option.target)) {
    return **number == 0 ? "" : absl::StrCat(**number);
  }
  if (const auto* text = std::get_if<std::optional<std::string>*>(&option.target)) {
    return (*text)->value_or("");
  }
  return "";
}

bool ChoicesAreInline(const Option& option) {
  return !option.choices.empty() && absl::StrJoin(option.choices, "|").size() <= kInlineChoices;
}

}  // namespace

std::vector<Option> AllOptions(const CommandSpec& spec) {
  std::vector<Option> options = spec.options;
  options.push_back(Printing('h', "help", "Print this help."));
  options.push_back(Printing(0, "version", "Print the version."));
  options.push_back(Printing(0, "man", "Print the manual page, for man -l -."));
  options.push_back(Printing(0, "completion", "Print a completion script for bash."));
  return options;
}

std::vector<OptionGroup> GroupOptions(const CommandSpec& spec) {
  std::vector<OptionGroup> groups;
  OptionGroup every = {.heading = std::string(kEveryCommand)};
  for (Option& option : AllOptions(spec)) {
    if (option.group == kEveryCommand) {
      every.options.push_back(std::move(option));
      continue;
    }
    const std::string heading = option.group.empty() ? "Options" : option.group;
    auto it = std::find_if(groups.begin(), groups.end(),
                           [&](const OptionGroup& group) { return group.heading == heading; });
    if (it == groups.end()) it = groups.insert(it, {.heading = heading});
    it->options.push_back(std::move(option));
  }
  groups.push_back(std::move(every));
  return groups;
}

bool IsFlag(const Option& option) { return std::holds_alternative<bool*>(option.target); }

std::string ValueNameOf(const Option& option) {
  if (ChoicesAreInline(option)) return absl::StrJoin(option.choices, "|");
  return option.value_name;
}

std::string HelpOf(const Option& option) {
  std::string help = option.help;
  if (!option.choices.empty() && !ChoicesAreInline(option)) {
    absl::StrAppend(&help, " One of ", absl::StrJoin(option.choices, ", "), ".");
  }
  if (const std::string value = DefaultOf(option); !value.empty()) {
    absl::StrAppend(&help, " Default: ", value, ".");
  }
  if (std::holds_alternative<std::vector<std::string>*>(option.target)) {
    absl::StrAppend(&help, " May be repeated.");
  }
  return help;
}

std::vector<std::string> SynopsisLines(const CommandSpec& spec) {
  std::vector<std::string> lines;
  const auto add = [&](std::initializer_list<std::string_view> words) {
    std::string line = "[OPTIONS]";
    for (const std::string_view word : words) {
      if (!word.empty()) absl::StrAppend(&line, " ", word);
    }
    lines.push_back(line);
  };
  if (!spec.verb_required) add({spec.operands});
  for (const Verb& verb : spec.verbs) add({verb.name, verb.operands});
  return lines;
}

std::vector<std::pair<int, std::string>> ExitStatuses(const CommandSpec& spec) {
  std::vector<std::pair<int, std::string>> statuses = {{0, "Done; the answer is yes."}};
  if (!spec.exit_one.empty()) statuses.emplace_back(1, spec.exit_one);
  const std::vector<std::pair<int, std::string>> others = {
      {2, "The command line is wrong."},
      {3, "The input is malformed, contradictory or unsafe."},
      {4, "The environment failed: network, registry, file system, engine or database."},
      {5, "A bug of the command."},
      {130, "Interrupted by SIGINT."},
      {143, "Terminated by SIGTERM."}};
  statuses.insert(statuses.end(), others.begin(), others.end());
  return statuses;
}

std::vector<std::string> Paragraphs(std::string_view text) {
  std::vector<std::string> paragraphs;
  for (const std::string_view part : absl::StrSplit(text, "\n\n")) {
    std::vector<std::string_view> words =
        absl::StrSplit(part, absl::ByAnyChar(" \n\t"), absl::SkipEmpty());
    if (!words.empty()) paragraphs.push_back(absl::StrJoin(words, " "));
  }
  return paragraphs;
}

}  // namespace deps
