#include <utility>

#include "absl/strings/str_cat.h"
#include "lib/base/status_macros.h"
#include "lib/engine/message.h"
#include "lib/engine/messages.h"

namespace deps {
namespace {

using json::ObjectReader;
using json::Value;

Value RunToJson(const EngineRun& run) {
  Value options = Value::Object();
  options.Set("driver", Value::String(run.options.driver));
  options.Set("jobs", Value::Integer(run.options.jobs));
  options.Set("retries", Value::Integer(run.options.retries));
  options.Set("timeoutSeconds", Value::Integer(run.options.timeout_seconds));
  options.Set("failFast", Value::Boolean(run.options.fail_fast));
  return Value::Object({{"id", Value::String(run.id)},
                        {"revision", Value::Integer(run.revision)},
                        {"plan", Value::Of(JsonText{FormatPlan(run.plan)})},
                        {"options", std::move(options)}});
}

absl::Status OptionsFromJson(const Source& source, const Value& value, EngineOptions* options) {
  ObjectReader reader(source, value, "/workflow/options");
  reader.Optional("driver", &options->driver);
  reader.Optional("jobs", &options->jobs);
  reader.Optional("retries", &options->retries);
  reader.Optional("timeoutSeconds", &options->timeout_seconds);
  reader.Optional("failFast", &options->fail_fast);
  reader.IgnoreRest();
  return reader.Finish();
}

absl::Status RunFromJson(const Source& source, const Value& value, EngineRun* run) {
  ObjectReader reader(source, value, "/workflow");
  reader.Required("id", &run->id);
  reader.Required("revision", &run->revision);
  if (const Value* options = reader.Object("options")) {
    reader.Check(OptionsFromJson(source, *options, &run->options));
  }
  const Value* plan = reader.Object("plan", /*required=*/true);
  reader.IgnoreRest();
  DEPS_RETURN_IF_ERROR(reader.Finish());
  DEPS_ASSIGN_OR_RETURN(run->plan, ParsePlan({source.name, json::ToText(*plan).text}));
  return absl::OkStatus();
}

void WriteRequest(const EngineRequest& request, Value& message) {
  switch (request.verb) {
    case EngineVerb::kInfo:
      return;
    case EngineVerb::kCheck:
      if (!request.run.id.empty()) message.Set("workflow", RunToJson(request.run));
      return;
    case EngineVerb::kRender:
    case EngineVerb::kSubmit:
      message.Set("workflow", RunToJson(request.run));
      return;
    case EngineVerb::kStatus:
    case EngineVerb::kDelete:
      message.Set("run", Value::String(request.ref));
      return;
    case EngineVerb::kWatch:
      message.Set("run", Value::String(request.ref));
      message.Set("cursor", Value::String(request.cursor));
      return;
    case EngineVerb::kCancel:
      message.Set("run", Value::String(request.cancel.run));
      message.Set("force", Value::Boolean(request.cancel.force));
      message.Set("graceSeconds", Value::Integer(request.cancel.grace_seconds));
      return;
    case EngineVerb::kLogs:
      message.Set("run", Value::String(request.logs.run));
      message.Set("task", Value::String(request.logs.task));
      message.Set("follow", Value::Boolean(request.logs.follow));
      message.Set("tail", Value::Integer(request.logs.tail));
      return;
  }
}

void ReadRequest(ObjectReader& reader, EngineRequest& request) {
  switch (request.verb) {
    case EngineVerb::kInfo:
      return;
    case EngineVerb::kCheck:
    case EngineVerb::kRender:
    case EngineVerb::kSubmit:
      if (const Value* run =
              reader.Object("workflow", /*required=*/request.verb != EngineVerb::kCheck)) {
        reader.Check(RunFromJson(reader.source(), *run, &request.run));
      }
      return;
    case EngineVerb::kWatch:
      reader.Optional("cursor", &request.cursor);
      reader.Required("run", &request.ref);
      return;
    case EngineVerb::kStatus:
    case EngineVerb::kDelete:
      reader.Required("run", &request.ref);
      return;
    case EngineVerb::kCancel:
      reader.Required("run", &request.cancel.run);
      reader.Optional("force", &request.cancel.force);
      reader.Optional("graceSeconds", &request.cancel.grace_seconds);
      return;
    case EngineVerb::kLogs:
      reader.Required("run", &request.logs.run);
      reader.Optional("task", &request.logs.task);
      reader.Optional("follow", &request.logs.follow);
      reader.Optional("tail", &request.logs.tail);
      return;
  }
}

}  // namespace

std::string FormatRequest(const EngineRequest& request) {
  Value message = NewMessage(NamesOf(request.verb).request);
  message.Set("config", request.config.text.empty() ? Value::Object() : Value::Of(request.config));
  WriteRequest(request, message);
  return Line(message);
}

absl::StatusOr<EngineRequest> ParseRequest(EngineVerb verb, const Source& source) {
  EngineRequest request = {.verb = verb};
  DEPS_ASSIGN_OR_RETURN(const Value message, json::Parse(source));
  std::string version;
  std::string kind;
  ObjectReader reader(source, message);
  reader.Required("apiVersion", &version);
  reader.Required("kind", &kind);
  if (reader.status().ok() && (version != kEngineApiVersion || kind != NamesOf(verb).request)) {
    reader.Fail(DiagnosticId::kDocumentKind, "kind",
                absl::StrCat("this is a ", kind, " of ", version, ", not a ", NamesOf(verb).request,
                             " of ", kEngineApiVersion));
  }
  const Value* config = reader.Object("config");
  request.config = config == nullptr ? JsonText{"{}"} : json::ToText(*config);
  ReadRequest(reader, request);
  reader.IgnoreRest();
  DEPS_RETURN_IF_ERROR(reader.Finish());
  return request;
}

}  // namespace deps
