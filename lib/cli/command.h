// A command line, described once: the parser, `--help`, the man page and the
// bash completion are made from the same description.
//
//   CommandSpec spec = {.name = "deps-plan", .summary = "…", …};
//   std::string action;
//   spec.options.push_back(Value("action", "ACTION", &action, "What to do."));
//   CommonOptions common;
//   AddCommonOptions(&spec, &common);
//   absl::StatusOr<Invocation> invocation = ParseCommandLine(spec, args);
#ifndef DEPS_LIB_CLI_COMMAND_H_
#define DEPS_LIB_CLI_COMMAND_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "lib/cli/env.h"
#include "lib/diag/diagnostic.h"
#include "lib/diag/printer.h"
#include "lib/diag/source.h"
#include "lib/io/file.h"
#include "lib/io/large_text.h"
#include "lib/json/json.h"

namespace deps {

// `--long`, `--long VALUE`, `--long=VALUE`, `-s`. Where a value is optional
// (`--upgrade[=NODE]`) only the form with `=` gives one.
struct Option {
  char short_name = 0;
  std::string long_name;
  std::string value_name;  // "" for a flag.
  std::string help;        // Sentences; the first is enough for --help.
  std::variant<bool*, std::string*, std::optional<std::string>*, int64_t*,
               std::vector<std::string>*>
      target;                             // A vector takes the option repeatedly.
  std::vector<std::string> choices = {};  // Allowed values; empty: any.
  bool value_optional = false;            // With std::optional<std::string>: "" without a value.
  bool may_be_empty = false;              // Whether "" is a value, and no slip of a script.
  std::string group = {};                 // Heading in help and man page; "" is "Options".
};

Option Flag(std::string_view long_name, bool* target, std::string_view help);
Option Value(
    std::string_view long_name, std::string_view value_name,
    std::variant<std::string*, std::optional<std::string>*, int64_t*, std::vector<std::string>*>
        target,
    std::string_view help);
Option Choice(std::string_view long_name, std::vector<std::string> choices, std::string* target,
              std::string_view help);

// The same, and "" is a value for it.
Option MayBeEmpty(Option option);

// A first operand that selects what the command does (`oci-relocate pack`).
struct Verb {
  std::string name;
  std::string operands;  // "ID [TASK]"
  std::string summary;
  int min_operands = 0;
  int max_operands = 0;
};

struct Example {
  std::string command;
  std::string explanation;
};

struct CommandSpec {
  std::string name;
  std::string summary;      // One line, for NAME: "turn a bundle into its graph of dependencies"
  std::string description;  // Paragraphs, separated by an empty line.
  std::string operands;     // "[FILE]", for the synopsis; "" with verbs only.
  int min_operands = 0;
  int max_operands = 1;
  std::vector<Verb> verbs;  // Empty: none.
  bool verb_required = false;
  std::vector<Option> options;
  std::string reads;     // "a Graph document"
  std::string writes;    // "a Solution document"
  std::string exit_one;  // What exit status 1 means here.
  std::vector<Example> examples;
  std::vector<std::string> environment;  // "NAME  what it does"
  std::vector<std::string> see_also;     // "deps-solve(1)"
};

// The options of contract section 1 that every command has.
struct CommonOptions {
  std::string output;  // "" or "-": standard output.
  std::string format = "json";
  bool compact = false;
  std::string color = "auto";
  bool quiet = false;
  bool verbose = false;
  std::string diagnostics = "text";

  json::Style style() const { return compact ? json::Style::kCompact : json::Style::kPretty; }
};

// Whether a picture for the terminal that goes to standard output is colored:
// as --color says, and with "auto" only where standard output is a terminal
// that wants it. A file has colors only where they are asked for.
bool ColorsOutput(const Env& env, const CommonOptions& options);

// Adds -o, --format (one of `formats`), --compact, --color, -q, -v,
// --diagnostics. --help, --version, --man and --completion are always there.
void AddCommonOptions(CommandSpec* spec, CommonOptions* options,
                      std::vector<std::string> formats = {"json"});

struct Invocation {
  std::string verb;  // "" where none was given.
  std::vector<std::string> operands;
  // Set where --help, --version, --man or --completion was asked for: print
  // this and stop.
  std::optional<std::string> print;
};

// Sets the options' targets. Errors: usage, with a did-you-mean.
absl::StatusOr<Invocation> ParseCommandLine(const CommandSpec& spec,
                                            absl::Span<const std::string> args);

std::string FormatHelp(const CommandSpec& spec);
std::string FormatManPage(const CommandSpec& spec);  // mdoc or man macros; mandoc -Tlint is clean.
std::string FormatCompletion(const CommandSpec& spec);  // A bash script.

// What a command's body gets: parsed options are in the targets of its spec.
class Terminal {
 public:
  Terminal(const Env& env, std::string command, const CommonOptions& options);

  // Diagnostics to standard error; warnings and notes not with -q.
  void Report(const absl::Status& status);
  void Report(const Diagnostic& diagnostic);
  // A line of progress to standard error, "COMMAND: TEXT"; not with -q.
  void Say(std::string_view text);
  // Only with -v.
  void Detail(std::string_view text);
  bool color() const { return printer_.color; }
  bool interactive() const { return interactive_; }

 private:
  const Env& env_;
  PrinterOptions printer_;
  bool quiet_;
  bool verbose_;
  bool interactive_;
};

// A command is a spec whose targets live in `Command`, and a body. RunCommand
// parses `args`, prints help and the like, runs the body, reports an error
// status once and turns it into the exit status. The body returns kOk or kNo
// where the question could be answered.
using CommandBody =
    std::function<absl::StatusOr<ExitCode>(const Invocation&, const Env&, Terminal&)>;
ExitCode RunCommand(const CommandSpec& spec, const CommonOptions& common,
                    absl::Span<const std::string> args, const Env& env, const CommandBody& body);

// For main(): the real world as Env (binary-safe streams; standard output is
// flushed and checked, exit 4 where it cannot be written), SIGPIPE left as it
// is by default, locale "C".
int Main(int argc, char** argv,
         ExitCode (*run)(absl::Span<const std::string> args, const Env& env));

// The text of FILE, or of standard input where `operand` is "" or "-". Says on
// a terminal that it waits for input. Errors: file-not-found, file-read,
// input-too-large.
absl::StatusOr<Source> ReadOperand(std::string_view operand, const Env& env,
                                   size_t max_bytes = kMostInput);
// The same for what is not to be kept in memory. Errors: file-write, too.
absl::StatusOr<LargeText> ReadLargeOperand(std::string_view operand, const Env& env);

// To env.out where `output` is "" or "-", else to that file, replaced in one
// step. Errors: file-write.
absl::Status WriteResult(std::string_view output, std::string_view text, const Env& env);
// The same of a text that is too large to be kept in memory.
absl::Status WriteLargeResult(std::string_view output, TextSource text, const Env& env);

}  // namespace deps

#endif  // DEPS_LIB_CLI_COMMAND_H_
