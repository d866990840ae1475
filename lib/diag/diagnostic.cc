#include "lib/diag/diagnostic.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <utility>

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"

namespace deps {
namespace {

constexpr char kPayloadUrl[] = "cnab-deps/diagnostics";

// The payload is length-prefixed fields: it never leaves the process.
void PutField(std::string& out, std::string_view field) {
  absl::StrAppend(&out, field.size(), ":");
  out.append(field);
}

std::string TakeField(std::string_view& in) {
  const size_t colon = in.find(':');
  const size_t size = std::stoul(std::string(in.substr(0, colon)));
  std::string field(in.substr(colon + 1, size));
  in.remove_prefix(colon + 1 + size);
  return field;
}

absl::Cord Serialize(const std::vector<Diagnostic>& diagnostics) {
  std::string out;
  for (const Diagnostic& d : diagnostics) {
    PutField(out, absl::StrCat(static_cast<int>(d.id)));
    PutField(out, absl::StrCat(static_cast<int>(d.severity)));
    PutField(out, d.message);
    PutField(out, d.location.file);
    PutField(out, absl::StrCat(d.location.line));
    PutField(out, absl::StrCat(d.location.column));
    PutField(out, d.location.pointer);
    PutField(out, d.hint);
  }
  return absl::Cord(out);
}

std::vector<Diagnostic> Deserialize(const absl::Cord& payload) {
  const std::string text(payload);
  std::string_view in = text;
  std::vector<Diagnostic> diagnostics;
  while (!in.empty()) {
    Diagnostic d;
    d.id = static_cast<DiagnosticId>(std::stoi(TakeField(in)));
    d.severity = static_cast<Severity>(std::stoi(TakeField(in)));
    d.message = TakeField(in);
    d.location.file = TakeField(in);
    d.location.line = std::stoi(TakeField(in));
    d.location.column = std::stoi(TakeField(in));
    d.location.pointer = TakeField(in);
    d.hint = TakeField(in);
    diagnostics.push_back(std::move(d));
  }
  return diagnostics;
}

absl::StatusCode CodeOf(DiagnosticClass diagnostic_class) {
  switch (diagnostic_class) {
    case DiagnosticClass::kAnswer:
      return absl::StatusCode::kFailedPrecondition;
    case DiagnosticClass::kUsage:
    case DiagnosticClass::kInput:
      return absl::StatusCode::kInvalidArgument;
    case DiagnosticClass::kEnvironment:
      return absl::StatusCode::kUnavailable;
    case DiagnosticClass::kBug:
      return absl::StatusCode::kInternal;
  }
  return absl::StatusCode::kInternal;
}

const Diagnostic& FirstError(const std::vector<Diagnostic>& diagnostics) {
  const auto it = std::find_if(diagnostics.begin(), diagnostics.end(),
                               [](const Diagnostic& d) { return d.severity == Severity::kError; });
  return it == diagnostics.end() ? diagnostics.front() : *it;
}

}  // namespace

const std::vector<DiagnosticInfo>& AllDiagnostics() {
  static const auto& all = *new std::vector<DiagnosticInfo>{
#define DEPS_DIAGNOSTIC(enumerator, id, diagnostic_class, meaning) \
  {DiagnosticId::enumerator, id, DiagnosticClass::k##diagnostic_class, meaning},
#include "lib/diag/ids.def"
#undef DEPS_DIAGNOSTIC
  };
  return all;
}

const DiagnosticInfo& InfoOf(DiagnosticId id) { return AllDiagnostics()[static_cast<size_t>(id)]; }

std::string_view SeverityName(Severity severity) {
  switch (severity) {
    case Severity::kError:
      return "error";
    case Severity::kWarning:
      return "warning";
    case Severity::kNote:
      return "note";
  }
  return "error";
}

absl::Status MakeError(Diagnostic diagnostic) {
  diagnostic.severity = Severity::kError;
  return MakeErrors({std::move(diagnostic)});
}

absl::Status MakeErrors(std::vector<Diagnostic> diagnostics) {
  const Diagnostic& first = FirstError(diagnostics);
  absl::Status status(CodeOf(InfoOf(first.id).diagnostic_class), first.message);
  status.SetPayload(kPayloadUrl, Serialize(diagnostics));
  return status;
}

std::vector<Diagnostic> DiagnosticsOf(const absl::Status& status) {
  if (status.ok()) return {};
  if (const auto payload = status.GetPayload(kPayloadUrl)) return Deserialize(*payload);
  return {{.id = DiagnosticId::kInternal, .message = std::string(status.message())}};
}

bool HasId(const absl::Status& status, DiagnosticId id) {
  return !status.ok() && FirstError(DiagnosticsOf(status)).id == id;
}

absl::Status WithFile(const absl::Status& status, std::string_view file) {
  if (status.ok()) return status;
  std::vector<Diagnostic> diagnostics = DiagnosticsOf(status);
  for (Diagnostic& d : diagnostics) {
    if (d.location.file.empty()) d.location.file = std::string(file);
  }
  return MakeErrors(std::move(diagnostics));
}

absl::Status WithContext(const absl::Status& status, std::string_view context) {
  if (status.ok()) return status;
  std::vector<Diagnostic> diagnostics = DiagnosticsOf(status);
  for (Diagnostic& d : diagnostics) d.message = absl::StrCat(context, ": ", d.message);
  return MakeErrors(std::move(diagnostics));
}

ExitCode ExitCodeOf(const absl::Status& status) {
  if (status.ok()) return ExitCode::kOk;
  const DiagnosticId id = FirstError(DiagnosticsOf(status)).id;
  switch (InfoOf(id).diagnostic_class) {
    case DiagnosticClass::kAnswer:
      return ExitCode::kNo;
    case DiagnosticClass::kUsage:
      return ExitCode::kUsage;
    case DiagnosticClass::kInput:
      return ExitCode::kInput;
    case DiagnosticClass::kEnvironment:
      return ExitCode::kEnvironment;
    case DiagnosticClass::kBug:
      return ExitCode::kBug;
  }
  return ExitCode::kBug;
}

}  // namespace deps
