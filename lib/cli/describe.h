// What help, man page and completion say alike about a command.
#ifndef DEPS_LIB_CLI_DESCRIBE_H_
#define DEPS_LIB_CLI_DESCRIBE_H_

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lib/cli/command.h"

namespace deps {

// The options of the command and after them those that every command has:
// --help, --version, --man and --completion, which have no target.
std::vector<Option> AllOptions(const CommandSpec& spec);

// AllOptions by heading; headings in the order of their first option, with
// those of every command last.
struct OptionGroup {
  std::string heading;
  std::vector<Option> options;
};
std::vector<OptionGroup> GroupOptions(const CommandSpec& spec);

bool IsFlag(const Option& option);

// "FILE", or the choices "auto|always|never" where they are short.
std::string ValueNameOf(const Option& option);

// The sentences of the option's help, with its choices and its default.
std::string HelpOf(const Option& option);

// What follows the command's name: "[OPTIONS] [FILE]", "[OPTIONS] show ID".
std::vector<std::string> SynopsisLines(const CommandSpec& spec);

// Every exit status with its meaning.
std::vector<std::pair<int, std::string>> ExitStatuses(const CommandSpec& spec);

// Paragraphs of `text`, which empty lines separate; each without line breaks.
std::vector<std::string> Paragraphs(std::string_view text);

}  // namespace deps

#endif  // DEPS_LIB_CLI_DESCRIBE_H_
