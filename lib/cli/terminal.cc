#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "lib/cli/command.h"

namespace deps {
namespace {

bool IsSet(const Env& env, std::string_view name) {
  const std::optional<std::string> value = env.getenv(name);
  return value.has_value() && !value->empty();
}

bool IsDumb(const Env& env) { return env.getenv("TERM").value_or("") == "dumb"; }

bool WantsColor(const Env& env, std::string_view choice) {
  if (choice != "auto") return choice == "always";
  if (IsSet(env, "NO_COLOR")) return false;
  if (IsSet(env, "FORCE_COLOR")) return true;
  return env.err_is_terminal && !IsDumb(env);
}

DiagnosticFormat FormatOf(std::string_view name) {
  if (name == "github") return DiagnosticFormat::kGithub;
  if (name == "json") return DiagnosticFormat::kJson;
  return DiagnosticFormat::kText;
}

}  // namespace

bool ColorsOutput(const Env& env, const CommonOptions& options) {
  if (options.color != "auto") return options.color == "always";
  const bool is_standard_output = options.output.empty() || options.output == "-";
  return is_standard_output && env.out_is_terminal && !IsSet(env, "NO_COLOR") && !IsDumb(env);
}

Terminal::Terminal(const Env& env, std::string command, const CommonOptions& options)
    : env_(env),
      printer_({.command = std::move(command),
                .format = FormatOf(options.diagnostics),
                .color = WantsColor(env, options.color)}),
      quiet_(options.quiet),
      verbose_(options.verbose),
      interactive_(env.err_is_terminal && !options.quiet && !IsDumb(env)) {}

void Terminal::Report(const absl::Status& status) {
  std::vector<Diagnostic> diagnostics = DiagnosticsOf(status);
  if (quiet_) {
    std::erase_if(diagnostics, [](const Diagnostic& d) { return d.severity != Severity::kError; });
  }
  if (diagnostics.empty()) return;
  *env_.err << FormatStatus(MakeErrors(std::move(diagnostics)), printer_) << std::flush;
}

void Terminal::Report(const Diagnostic& diagnostic) {
  if (quiet_ && diagnostic.severity != Severity::kError) return;
  *env_.err << FormatDiagnostic(diagnostic, printer_) << std::flush;
}

// Whoever reads diagnostics as JSON gets nothing but JSON.
void Terminal::Say(std::string_view text) {
  if (quiet_ || printer_.format == DiagnosticFormat::kJson) return;
  *env_.err << absl::StrCat(printer_.command, ": ", text, "\n") << std::flush;
}

void Terminal::Detail(std::string_view text) {
  if (verbose_) Say(text);
}

}  // namespace deps
