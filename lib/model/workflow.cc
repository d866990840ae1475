#include "lib/model/workflow.h"

#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "lib/base/status_macros.h"
#include "lib/diag/diagnostic.h"
#include "lib/json/text_writer.h"
#include "lib/model/document.h"

namespace deps {
namespace {

using json::ObjectReader;
using json::Value;

Value OutputToJson(const WorkflowOutput& output) {
  Value value = Value::Object();
  if (output.sensitive) {
    value.Set("sensitive", Value::Boolean(true));
    value.Set("ref", Value::String(output.ref));
  } else {
    value.Set("value", Value::Of(output.value.value_or(JsonText())));
  }
  return value;
}

absl::Status OutputFromJson(const Source& source, const Value& value, std::string pointer,
                            WorkflowOutput* out) {
  ObjectReader reader(source, value, std::move(pointer));
  reader.Optional("sensitive", &out->sensitive);
  if (out->sensitive) {
    reader.Required("ref", &out->ref);
    return reader.Finish();
  }
  reader.Optional("value", &out->value);
  if (!out->value.has_value() && value.IsObject()) {
    reader.Fail(DiagnosticId::kDocumentMember, "", "the member 'value' is missing");
  }
  return reader.Finish();
}

Value TaskToJson(const WorkflowTask& task) {
  Value value = Value::Object();
  value.Set("id", Value::String(task.id));
  value.Set("status", Value::String(task.status));
  value.Set("attempt", Value::Integer(task.attempt));
  SetUnlessEmpty(value, "startedAt", task.started_at);
  SetUnlessEmpty(value, "finishedAt", task.finished_at);
  if (task.exit_code.has_value()) value.Set("exitCode", Value::Integer(*task.exit_code));
  SetUnlessEmpty(value, "reason", task.reason);
  SetUnlessEmpty(value, "message", task.message);
  value.Set("outputs", MapToJson(task.outputs, OutputToJson));
  return value;
}

void WriteTask(json::TextWriter& out, const WorkflowTask& task) { out.Write(TaskToJson(task)); }

absl::Status TaskFromJson(const Source& source, const Value& value, std::string pointer,
                          WorkflowTask* out) {
  ObjectReader reader(source, value, std::move(pointer));
  ReadName(reader, "id", &out->id);
  ReadChoice(reader, "status", /*required=*/true,
             {"pending", "running", "succeeded", "failed", "canceled", "skipped", "unknown"},
             &out->status);
  ReadCount(reader, "attempt", /*required=*/true, &out->attempt);
  reader.Optional("startedAt", &out->started_at);
  reader.Optional("finishedAt", &out->finished_at);
  reader.Optional("exitCode", &out->exit_code);
  reader.Optional("reason", &out->reason);
  reader.Optional("message", &out->message);
  ReadMap(reader, "outputs", /*required=*/false, OutputFromJson, &out->outputs);
  return reader.Finish();
}

void CheckIds(ObjectReader& reader, const Workflow& workflow) {
  absl::flat_hash_set<std::string_view> ids;
  for (const WorkflowTask& task : workflow.tasks) {
    if (ids.insert(task.id).second) continue;
    reader.Fail(DiagnosticId::kDocumentValue, "tasks",
                absl::StrCat("two tasks have the id '", task.id, "'"));
  }
}

// Texts are given away in pieces of about so many bytes.
constexpr size_t kPiece = size_t{64} << 10;

}  // namespace

std::string FormatWorkflow(const Workflow& workflow, json::Style style) {
  std::string text;
  FormatWorkflow(workflow, style, [&](std::string_view piece) { text.append(piece); });
  return text;
}

void FormatWorkflow(const Workflow& workflow, json::Style style, TextSink sink) {
  json::TextWriter out(style);
  const auto member = [&out](std::string_view key, std::string_view text) {
    out.Key(key);
    out.String(text);
  };
  out.BeginObject();
  member("apiVersion", kApiVersion);
  member("kind", "Workflow");
  member("id", workflow.id);
  member("plan", workflow.plan);
  member("engine", workflow.engine);
  member("status", workflow.status);
  out.Key("tasks");
  out.BeginArray();
  for (const WorkflowTask& task : workflow.tasks) {
    WriteTask(out, task);
    if (out.text().size() < kPiece) continue;
    sink(out.text());
    out.Clear();
  }
  out.EndArray();
  if (!workflow.outputs.empty()) {
    out.Key("outputs");
    out.Write(MapToJson(workflow.outputs, OutputToJson));
  }
  out.EndObject();
  sink(out.Finish());
}

absl::StatusOr<Workflow> ParseWorkflow(const Source& source) {
  DEPS_ASSIGN_OR_RETURN(const Value document, ParseDocument(source, "Workflow"));
  Workflow workflow;
  ObjectReader reader(source, document);
  AllowEnvelope(reader);
  ReadName(reader, "id", &workflow.id);
  ReadDigest(reader, "plan", /*required=*/true, &workflow.plan);
  ReadName(reader, "engine", &workflow.engine);
  ReadChoice(reader, "status", /*required=*/true,
             {"pending", "running", "succeeded", "failed", "canceled"}, &workflow.status);
  ReadList(reader, "tasks", /*required=*/true, TaskFromJson, &workflow.tasks);
  ReadMap(reader, "outputs", /*required=*/false, OutputFromJson, &workflow.outputs);
  if (reader.status().ok()) CheckIds(reader, workflow);
  DEPS_RETURN_IF_ERROR(reader.Finish());
  return workflow;
}

}  // namespace deps
