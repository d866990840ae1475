// The one place that writes diagnostics for people and for CI.
#ifndef DEPS_LIB_DIAG_PRINTER_H_
#define DEPS_LIB_DIAG_PRINTER_H_

#include <string>
#include <string_view>

#include "lib/diag/diagnostic.h"

namespace deps {

// text:   CMD: FILE:LINE:COL: POINTER: error: MESSAGE [id]
//         CMD: hint: HINT
// github: ::error file=…,line=…,col=…,title=…::MESSAGE   (workflow commands)
// json:   one object a line
enum class DiagnosticFormat { kText, kGithub, kJson };

struct PrinterOptions {
  std::string command;  // "deps-graph"
  DiagnosticFormat format = DiagnosticFormat::kText;
  bool color = false;  // Only for kText.
  // Of errors, warnings and notes beyond this many only their number is said.
  int limit = 20;
};

// One diagnostic as lines, each ending in a newline. Control characters of the
// message are shown as escapes: input cannot steer the terminal.
std::string FormatDiagnostic(const Diagnostic& diagnostic, const PrinterOptions& options);

// All that `status` carries, in order; "" for an OK status.
std::string FormatStatus(const absl::Status& status, const PrinterOptions& options);

}  // namespace deps

#endif  // DEPS_LIB_DIAG_PRINTER_H_
