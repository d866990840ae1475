#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "lib/cli/command.h"
#include "lib/cli/describe.h"

namespace deps {
namespace {

bool NamesFiles(std::string_view value_name) {
  return absl::StrContains(value_name, "FILE") || absl::StrContains(value_name, "FOLDER") ||
         absl::StrContains(value_name, "PATH");
}

// The branch of `case $previous` for an option that takes a value.
std::string ValueBranch(const Option& option) {
  std::string out = absl::StrCat("    --", option.long_name);
  if (option.short_name != 0) absl::StrAppend(&out, "|-", std::string(1, option.short_name));
  out += ")\n";
  if (!option.choices.empty()) {
    absl::StrAppend(&out, "      mapfile -t COMPREPLY < <(compgen -W '",
                    absl::StrJoin(option.choices, " "), "' -- \"$current\")\n");
  } else if (NamesFiles(option.value_name)) {
    out += "      compopt -o filenames\n";
    out += "      mapfile -t COMPREPLY < <(compgen -f -- \"$current\")\n";
  }
  return out + "      return\n      ;;\n";
}

}  // namespace

std::string FormatCompletion(const CommandSpec& spec) {
  const std::string function = absl::StrCat("_", absl::StrReplaceAll(spec.name, {{"-", "_"}}));
  std::vector<std::string> names;
  std::string branches;
  for (const Option& option : AllOptions(spec)) {
    names.push_back("--" + option.long_name);
    if (option.short_name != 0) names.push_back({'-', option.short_name});
    if (!IsFlag(option) && !option.value_optional) branches += ValueBranch(option);
  }
  std::vector<std::string> verbs;
  for (const Verb& verb : spec.verbs) verbs.push_back(verb.name);

  std::string out = absl::StrCat("# Completion of ", spec.name, " in bash.\n", function, "() {\n");
  // bash splits --option=value into three words.
  out +=
      "  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]}\n"
      "  COMPREPLY=()\n"
      "  if [[ $current == '=' ]]; then\n"
      "    current=''\n"
      "  elif [[ $previous == '=' && $COMP_CWORD -gt 1 ]]; then\n"
      "    previous=${COMP_WORDS[COMP_CWORD-2]}\n"
      "  fi\n"
      "  case $previous in\n";
  absl::StrAppend(&out, branches, "  esac\n",
                  "  if [[ $current == -* ]]; then\n"
                  "    mapfile -t COMPREPLY < <(compgen -W '",
                  absl::StrJoin(names, " "), "' -- \"$current\")\n    return\n  fi\n");
  if (!verbs.empty()) {
    absl::StrAppend(&out,
                    "  if [[ $COMP_CWORD -eq 1 ]]; then\n"
                    "    mapfile -t COMPREPLY < <(compgen -W '",
                    absl::StrJoin(verbs, " "), "' -- \"$current\")\n  fi\n");
  }
  absl::StrAppend(&out,
                  "  if [[ ${#COMPREPLY[@]} -eq 0 ]]; then\n"
                  "    compopt -o filenames\n"
                  "    mapfile -t COMPREPLY < <(compgen -f -- \"$current\")\n"
                  "  fi\n}\ncomplete -F ",
                  function, " ", spec.name, "\n");
  return out;
}

}  // namespace deps
