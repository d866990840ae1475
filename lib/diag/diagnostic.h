// Diagnostics: what was observed, where, and under which stable id.
//
// A library returns an absl::Status that carries its diagnostics; a command
// passes it on; one printer (printer.h) writes it. Nothing else prints.
//
//   return MakeError({.id = DiagnosticId::kGraphCycle,
//                     .message = absl::StrCat("dependencies form a cycle: ", path),
//                     .location = source.At(offset, pointer)});
#ifndef DEPS_LIB_DIAG_DIAGNOSTIC_H_
#define DEPS_LIB_DIAG_DIAGNOSTIC_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"

namespace deps {

enum class DiagnosticId {
#define DEPS_DIAGNOSTIC(enumerator, id, diagnostic_class, meaning) enumerator,
#include "lib/diag/ids.def"
#undef DEPS_DIAGNOSTIC
};

// What kind of trouble an id is; it decides the exit status.
enum class DiagnosticClass { kAnswer, kUsage, kInput, kEnvironment, kBug };

// The exit status of every command.
enum class ExitCode : int {
  kOk = 0,           // Done; the answer is yes.
  kNo = 1,           // Done; the answer is no, and the document tells.
  kUsage = 2,        // The command line is wrong.
  kInput = 3,        // The input is malformed, contradictory or unsafe.
  kEnvironment = 4,  // Network, registry, file system, engine, database.
  kBug = 5,
  kInterrupted = 130,  // SIGINT.
  kTerminated = 143,   // SIGTERM.
};

struct DiagnosticInfo {
  DiagnosticId id;
  std::string_view name;  // "graph-cycle"
  DiagnosticClass diagnostic_class;
  std::string_view meaning;
};

// All ids, in the order of ids.def.
const std::vector<DiagnosticInfo>& AllDiagnostics();
const DiagnosticInfo& InfoOf(DiagnosticId id);

// Where something was observed. Absent parts are empty or 0.
struct Location {
  std::string file;     // As the user named it; "<stdin>" for standard input.
  int line = 0;         // From 1.
  int column = 0;       // From 1, in bytes.
  std::string pointer;  // A JSON Pointer (RFC 6901), also for YAML.

  bool operator==(const Location&) const = default;
};

enum class Severity { kError, kWarning, kNote };

// "error", "warning" or "note".
std::string_view SeverityName(Severity severity);

struct Diagnostic {
  DiagnosticId id = DiagnosticId::kInternal;
  Severity severity = Severity::kError;
  // No capital at the start, no full stop at the end: what was observed.
  std::string message;
  Location location = {};
  std::string hint = {};  // What to do about it; may be empty.
  // Further lines for people, such as the steps of a proof. Spaces at the start
  // of a line are kept.
  std::vector<std::string> details = {};

  bool operator==(const Diagnostic&) const = default;
};

// An error status that carries `diagnostic`, whose severity is kError.
absl::Status MakeError(Diagnostic diagnostic);

// An error status that carries them all, in their order. `diagnostics` must
// hold at least one error.
absl::Status MakeErrors(std::vector<Diagnostic> diagnostics);

// The diagnostics that `status` carries. A foreign error becomes one of id
// "internal"; an OK status has none.
std::vector<Diagnostic> DiagnosticsOf(const absl::Status& status);

// Whether the first error that `status` carries has this id.
bool HasId(const absl::Status& status, DiagnosticId id);

// The same error; each diagnostic without a file gets `file`.
absl::Status WithFile(const absl::Status& status, std::string_view file);

// The same error; each message gets "CONTEXT: " in front.
absl::Status WithContext(const absl::Status& status, std::string_view context);

// The exit status that `status` asks for: that of its first error.
ExitCode ExitCodeOf(const absl::Status& status);

}  // namespace deps

#endif  // DEPS_LIB_DIAG_DIAGNOSTIC_H_
