#include <array>
#include <utility>

#include "absl/strings/str_cat.h"
#include "lib/base/status_macros.h"
#include "lib/engine/message.h"
#include "lib/engine/messages.h"

namespace deps {
namespace {

using json::ObjectReader;
using json::Value;

struct ErrorCode {
  std::string_view code;
  DiagnosticId id;
  bool retryable = false;
};

// The first of an id is what is written for it.
constexpr std::array<ErrorCode, 9> kErrorCodes = {{
    {"unavailable", DiagnosticId::kEngineUnavailable, true},
    {"deadline_exceeded", DiagnosticId::kEngineUnavailable, true},
    {"permission_denied", DiagnosticId::kEngineDenied},
    {"unauthenticated", DiagnosticId::kEngineDenied},
    {"conflict", DiagnosticId::kEngineConflict},
    {"not_found", DiagnosticId::kEngineUnknownRun},
    {"unsupported", DiagnosticId::kEngineUnsupported},
    {"invalid_argument", DiagnosticId::kEngineRefused},
    {"internal", DiagnosticId::kEngineRefused},
}};

absl::Status Breach(const Source& source, std::string message) {
  return MakeError({.id = DiagnosticId::kEngineProtocol,
                    .message = absl::StrCat(source.name,
                                            " answers with what is no message of the "
                                            "protocol: ",
                                            message)});
}

absl::Status Breach(const Source& source, const absl::Status& status) {
  const std::vector<Diagnostic> diagnostics = DiagnosticsOf(status);
  const Location& place = diagnostics.front().location;
  return Breach(source, absl::StrCat(place.pointer.empty() ? "" : absl::StrCat(place.pointer, ": "),
                                     diagnostics.front().message));
}

absl::Status ErrorOf(const Source& source, const Value& message) {
  const Value* error = message.Find("error");
  if (error == nullptr || !error->IsObject()) return Breach(source, "an Error without 'error'");
  std::string code;
  Diagnostic diagnostic = {.id = DiagnosticId::kEngineRefused};
  ObjectReader reader(source, *error, "/error");
  reader.Required("code", &code);
  reader.Required("message", &diagnostic.message);
  reader.Optional("hint", &diagnostic.hint);
  reader.IgnoreRest();
  if (const absl::Status status = reader.Finish(); !status.ok()) return Breach(source, status);
  for (const ErrorCode& known : kErrorCodes) {
    if (known.code == code) diagnostic.id = known.id;
  }
  return MakeError(std::move(diagnostic));
}

// The message of kind `kind`; the error that it is instead.
absl::StatusOr<Value> ParseMessage(const Source& source, std::string_view kind) {
  absl::StatusOr<Value> message = json::Parse(source);
  if (!message.ok()) return Breach(source, message.status());
  const Value* version = message->Find("apiVersion");
  const Value* found = message->Find("kind");
  if (version == nullptr || version->text != kEngineApiVersion || found == nullptr) {
    return Breach(source, absl::StrCat("it is not of apiVersion ", kEngineApiVersion));
  }
  if (found->text == "Error") return ErrorOf(source, *message);
  if (found->text != kind) {
    return Breach(source, absl::StrCat("it is a ", found->text, " where ", kind, " is asked for"));
  }
  return message;
}

Value CapabilitiesToJson(const EngineCapabilities& can) {
  Value value = Value::Object();
  value.Set("render", Value::Boolean(can.render));
  value.Set("logs", Value::Boolean(can.logs));
  value.Set("logsFollow", Value::Boolean(can.logs_follow));
  value.Set("watch", Value::Boolean(can.watch));
  value.Set("parallelism", Value::Boolean(can.parallelism));
  value.Set("retries", Value::Boolean(can.retries));
  value.Set("timeout", Value::Boolean(can.timeout));
  value.Set("detached", Value::Boolean(can.detached));
  value.Set("secretsInTask", Value::Boolean(can.secrets_in_task));
  value.Set("maxPlanBytes", Value::Integer(can.max_plan_bytes));
  return value;
}

absl::Status CapabilitiesFromJson(const Source& source, const Value& value,
                                  EngineCapabilities* can) {
  ObjectReader reader(source, value, "/capabilities");
  reader.Optional("render", &can->render);
  reader.Optional("logs", &can->logs);
  reader.Optional("logsFollow", &can->logs_follow);
  reader.Optional("watch", &can->watch);
  reader.Optional("parallelism", &can->parallelism);
  reader.Optional("retries", &can->retries);
  reader.Optional("timeout", &can->timeout);
  reader.Optional("detached", &can->detached);
  reader.Optional("secretsInTask", &can->secrets_in_task);
  reader.Optional("maxPlanBytes", &can->max_plan_bytes);
  reader.IgnoreRest();
  return reader.Finish();
}

Value StatusToJson(const EngineStatus& status, std::string_view kind) {
  Value message = NewMessage(kind);
  message.Set("workflow", Value::Of(JsonText{FormatWorkflow(status.workflow)}));
  message.Set("native", Value::StringMap(status.native));
  message.Set("cursor", Value::String(status.cursor));
  return message;
}

absl::StatusOr<EngineStatus> StatusFromJson(const Source& source, const Value& message) {
  EngineStatus status;
  ObjectReader reader(source, message);
  const Value* workflow = reader.Object("workflow", /*required=*/true);
  reader.Optional("native", &status.native);
  reader.Optional("cursor", &status.cursor);
  reader.IgnoreRest();
  if (const absl::Status read = reader.Finish(); !read.ok()) return Breach(source, read);
  absl::StatusOr<Workflow> parsed = ParseWorkflow({source.name, json::ToText(*workflow).text});
  if (!parsed.ok()) return Breach(source, parsed.status());
  status.workflow = *std::move(parsed);
  return status;
}

Value DiagnosticToJson(const Diagnostic& diagnostic) {
  Value value = Value::Object();
  value.Set("severity", Value::String(SeverityName(diagnostic.severity)));
  value.Set("message", Value::String(diagnostic.message));
  value.Set("hint", Value::String(diagnostic.hint));
  return value;
}

absl::Status DiagnosticFromJson(const Source& source, const Value& value, std::string pointer,
                                Diagnostic* diagnostic) {
  std::string severity;
  diagnostic->id = DiagnosticId::kEngineRefused;
  ObjectReader reader(source, value, std::move(pointer));
  reader.Required("severity", &severity);
  reader.Required("message", &diagnostic->message);
  reader.Optional("hint", &diagnostic->hint);
  reader.IgnoreRest();
  diagnostic->severity = severity == "error"     ? Severity::kError
                         : severity == "warning" ? Severity::kWarning
                                                 : Severity::kNote;
  return reader.Finish();
}

absl::Status FileFromJson(const Source& source, const Value& value, std::string pointer,
                          EngineFile* file) {
  ObjectReader reader(source, value, std::move(pointer));
  reader.Required("name", &file->name);
  reader.Required("mediaType", &file->media_type);
  reader.Required("text", &file->text);
  reader.IgnoreRest();
  return reader.Finish();
}

// The items of a response that is a list.
template <typename T>
absl::StatusOr<std::vector<T>> ReadItems(const Source& source, std::string_view kind,
                                         std::string_view key,
                                         absl::Status (*read)(const Source&, const Value&,
                                                              std::string, T*)) {
  DEPS_ASSIGN_OR_RETURN(const Value message, ParseMessage(source, kind));
  std::vector<T> items;
  ObjectReader reader(source, message);
  if (const Value* list = reader.Array(key, /*required=*/true)) {
    for (size_t i = 0; i < list->items.size(); ++i) {
      reader.Check(read(source, list->items[i], reader.Pointer(key) + json::PointerStep(i),
                        &items.emplace_back()));
    }
  }
  reader.IgnoreRest();
  if (const absl::Status status = reader.Finish(); !status.ok()) return Breach(source, status);
  return items;
}

}  // namespace

std::string FormatInfo(const EngineInfo& info) {
  Value message = NewMessage("InfoResponse");
  message.Set("name", Value::String(info.name));
  message.Set("version", Value::String(info.version));
  Value protocols = Value::Array();
  for (const int64_t protocol : info.protocols) protocols.items.push_back(Value::Integer(protocol));
  message.Set("protocols", std::move(protocols));
  message.Set("capabilities", CapabilitiesToJson(info.capabilities));
  message.Set("configSchema",
              info.config_schema.text.empty() ? Value::Object() : Value::Of(info.config_schema));
  return Line(message);
}

std::string FormatCheck(const std::vector<Diagnostic>& diagnostics) {
  Value list = Value::Array();
  for (const Diagnostic& item : diagnostics) list.items.push_back(DiagnosticToJson(item));
  return Line(NewMessage("CheckResponse").Set("diagnostics", std::move(list)));
}

std::string FormatRendered(const std::vector<EngineFile>& files) {
  Value list = Value::Array();
  for (const EngineFile& file : files) {
    list.items.push_back(Value::Object({{"name", Value::String(file.name)},
                                        {"mediaType", Value::String(file.media_type)},
                                        {"text", Value::String(file.text)}}));
  }
  return Line(NewMessage("RenderResponse").Set("files", std::move(list)));
}

std::string FormatSubmitted(const Submitted& submitted) {
  Value message = NewMessage("SubmitResponse");
  message.Set("run", Value::String(submitted.run));
  message.Set("already", Value::Boolean(submitted.already));
  return Line(message);
}

std::string FormatStatus(const EngineStatus& status) {
  return Line(StatusToJson(status, "StatusResponse"));
}

std::string FormatWatchEvent(const EngineStatus& status) {
  return Line(StatusToJson(status, "WatchEvent"));
}

std::string FormatLogLine(const LogLine& line) {
  Value message = NewMessage("LogsLine");
  message.Set("time", Value::String(line.time));
  message.Set("task", Value::String(line.task));
  message.Set("text", Value::String(line.text));
  return Line(message);
}

std::string FormatHeartbeat(EngineVerb verb) { return Line(NewMessage(NamesOf(verb).response)); }

std::string FormatDone(EngineVerb verb) { return Line(NewMessage(NamesOf(verb).response)); }

std::string FormatEngineError(const absl::Status& status) {
  const Diagnostic diagnostic = DiagnosticsOf(status).front();
  ErrorCode code = {"internal", DiagnosticId::kInternal};
  for (auto known = kErrorCodes.rbegin(); known != kErrorCodes.rend(); ++known) {
    if (known->id == diagnostic.id && known->code != "internal") code = *known;
  }
  if (code.id == DiagnosticId::kInternal &&
      InfoOf(diagnostic.id).diagnostic_class == DiagnosticClass::kInput) {
    code.code = "invalid_argument";
  }
  Value error = Value::Object();
  error.Set("code", Value::String(code.code));
  error.Set("message", Value::String(diagnostic.message));
  error.Set("hint", Value::String(diagnostic.hint));
  error.Set("retryable", Value::Boolean(code.retryable));
  return Line(NewMessage("Error").Set("error", std::move(error)));
}

absl::StatusOr<EngineInfo> ParseInfo(const Source& source) {
  DEPS_ASSIGN_OR_RETURN(const Value message, ParseMessage(source, "InfoResponse"));
  EngineInfo info;
  ObjectReader reader(source, message);
  reader.Required("name", &info.name);
  reader.Required("version", &info.version);
  if (const Value* protocols = reader.Array("protocols", /*required=*/true)) {
    for (const Value& item : protocols->items) {
      if (item.text == std::to_string(kEngineProtocol)) info.protocols.push_back(kEngineProtocol);
    }
  }
  if (const Value* can = reader.Object("capabilities", /*required=*/true)) {
    reader.Check(CapabilitiesFromJson(source, *can, &info.capabilities));
  }
  const Value* schema = reader.Object("configSchema");
  info.config_schema = schema == nullptr ? JsonText{"{}"} : json::ToText(*schema);
  reader.IgnoreRest();
  if (const absl::Status status = reader.Finish(); !status.ok()) return Breach(source, status);
  if (info.protocols.empty()) {
    return Breach(source, absl::StrCat("it does not speak version ", kEngineProtocol));
  }
  return info;
}

absl::StatusOr<std::vector<Diagnostic>> ParseCheck(const Source& source) {
  return ReadItems<Diagnostic>(source, "CheckResponse", "diagnostics", DiagnosticFromJson);
}

absl::StatusOr<std::vector<EngineFile>> ParseRendered(const Source& source) {
  return ReadItems<EngineFile>(source, "RenderResponse", "files", FileFromJson);
}

absl::StatusOr<Submitted> ParseSubmitted(const Source& source) {
  DEPS_ASSIGN_OR_RETURN(const Value message, ParseMessage(source, "SubmitResponse"));
  Submitted submitted;
  ObjectReader reader(source, message);
  reader.Required("run", &submitted.run);
  reader.Optional("already", &submitted.already);
  reader.IgnoreRest();
  if (const absl::Status status = reader.Finish(); !status.ok()) return Breach(source, status);
  if (submitted.run.empty()) return Breach(source, "'run' is empty");
  return submitted;
}

absl::StatusOr<EngineStatus> ParseStatus(const Source& source) {
  DEPS_ASSIGN_OR_RETURN(const Value message, ParseMessage(source, "StatusResponse"));
  return StatusFromJson(source, message);
}

absl::StatusOr<std::optional<EngineStatus>> ParseWatchLine(const Source& source) {
  DEPS_ASSIGN_OR_RETURN(const Value message, ParseMessage(source, "WatchEvent"));
  if (message.Find("workflow") == nullptr) return std::optional<EngineStatus>();
  DEPS_ASSIGN_OR_RETURN(EngineStatus status, StatusFromJson(source, message));
  return std::optional<EngineStatus>(std::move(status));
}

absl::StatusOr<std::optional<LogLine>> ParseLogLine(const Source& source) {
  DEPS_ASSIGN_OR_RETURN(const Value message, ParseMessage(source, "LogsLine"));
  if (message.Find("text") == nullptr) return std::optional<LogLine>();
  LogLine line;
  ObjectReader reader(source, message);
  reader.Optional("time", &line.time);
  reader.Required("task", &line.task);
  reader.Required("text", &line.text);
  reader.IgnoreRest();
  if (const absl::Status status = reader.Finish(); !status.ok()) return Breach(source, status);
  return std::optional<LogLine>(std::move(line));
}

absl::Status ParseDone(EngineVerb verb, const Source& source) {
  return ParseMessage(source, NamesOf(verb).response).status();
}

}  // namespace deps
