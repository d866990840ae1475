#include <string>
#include <utility>
#include <variant>

#include "absl/strings/ascii.h"
#include "lib/cli/command.h"

namespace deps {

Option Flag(std::string_view long_name, bool* target, std::string_view help) {
  return {.long_name = std::string(long_name), .help = std::string(help), .target = target};
}

Option Value(
    std::string_view long_name, std::string_view value_name,
    std::variant<std::string*, std::optional<std::string>*, int64_t*, std::vector<std::string>*>
        target,
    std::string_view help) {
  Option option = {.long_name = std::string(long_name),
                   .value_name = std::string(value_name),
                   .help = std::string(help)};
  std::visit([&](auto* typed) { option.target = typed; }, target);
  return option;
}

Option Choice(std::string_view long_name, std::vector<std::string> choices, std::string* target,
              std::string_view help) {
  return {.long_name = std::string(long_name),
          .value_name = absl::AsciiStrToUpper(long_name),
          .help = std::string(help),
          .target = target,
          .choices = std::move(choices)};
}

Option MayBeEmpty(Option option) {
  option.may_be_empty = true;
  return option;
}

void AddCommonOptions(CommandSpec* spec, CommonOptions* options, std::vector<std::string> formats) {
  Option output =
      Value("output", "FILE", &options->output,
            "Write to FILE instead of standard output. FILE is replaced in one step and never "
            "left half written.");
  output.short_name = 'o';
  Option quiet = Flag("quiet", &options->quiet, "Print errors only.");
  quiet.short_name = 'q';
  Option verbose = Flag("verbose", &options->verbose, "Print what is being done.");
  verbose.short_name = 'v';
  std::vector<Option> added = {
      std::move(output),
      Choice("format", std::move(formats), &options->format, "What to write."),
      Flag("compact", &options->compact, "Write JSON on one line."),
      Choice("color", {"auto", "always", "never"}, &options->color,
             "Color diagnostics. With auto, where standard error is a terminal."),
      std::move(quiet),
      std::move(verbose),
      Choice("diagnostics", {"text", "github", "json"}, &options->diagnostics,
             "How errors and warnings are written. With github, as workflow commands of GitHub "
             "Actions; with json, one object a line."),
  };
  for (Option& option : added) {
    option.group = "Every command";
    spec->options.push_back(std::move(option));
  }
}

}  // namespace deps
