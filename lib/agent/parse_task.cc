#include <optional>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "lib/agent/task.h"
#include "lib/base/status_macros.h"
#include "lib/diag/diagnostic.h"
#include "lib/json/json.h"

namespace deps {
namespace {

using json::ObjectReader;
using json::Value;

AgentInput ReadInput(const Source& source, const Value& item, const std::string& pointer,
                     ObjectReader& outer) {
  AgentInput input;
  ObjectReader reader(source, item, pointer);
  reader.Required("name", &input.name);
  reader.Optional("env", &input.env);
  reader.Optional("path", &input.path);
  std::optional<std::string> value;
  std::string secret;
  reader.Optional("value", &value);
  reader.Optional("secret", &secret);
  if (value.has_value() != secret.empty()) {
    reader.Fail(DiagnosticId::kDocumentValue, "", "an input has either 'value' or 'secret'");
  }
  if (value.has_value()) {
    input.source.value = json::ToText(Value::String(*value));
  } else if (!secret.empty()) {
    reader.Check(ParseSecretReference(secret).status());
    input.source = {.kind = ValueSource::Kind::kSecret, .text = secret};
  }
  if (absl::StartsWith(input.env, "CNAB_") && !absl::StartsWith(input.env, "CNAB_P_")) {
    reader.Fail(DiagnosticId::kDocumentValue, "env", "an input may not set this variable");
  }
  outer.Check(reader.Finish());
  return input;
}

AgentOutput ReadOutput(const Source& source, const Value& item, const std::string& pointer,
                       ObjectReader& outer) {
  AgentOutput output;
  ObjectReader reader(source, item, pointer);
  reader.Required("name", &output.name);
  reader.Required("path", &output.path);
  reader.Optional("sensitive", &output.sensitive);
  reader.Optional("sink", &output.sink);
  if (output.sensitive && output.sink.empty()) {
    reader.Fail(DiagnosticId::kDocumentValue, "sink", "a sensitive output needs a sink");
  }
  if (!absl::StartsWith(output.path, "/cnab/app/outputs/")) {
    reader.Fail(DiagnosticId::kDocumentValue, "path", "an output lies below /cnab/app/outputs");
  }
  outer.Check(reader.Finish());
  return output;
}

}  // namespace

absl::StatusOr<AgentTask> ParseAgentTask(const Source& source) {
  DEPS_ASSIGN_OR_RETURN(const Value document, json::Parse(source));
  AgentTask task;
  std::string version;
  std::string kind;
  ObjectReader reader(source, document);
  reader.Required("apiVersion", &version);
  reader.Required("kind", &kind);
  if (reader.status().ok() && (version != "cnab-deps/v1" || kind != "AgentTask")) {
    reader.Fail(
        DiagnosticId::kDocumentKind, "kind",
        absl::StrCat("expected an AgentTask of cnab-deps/v1, found ", kind, " of ", version));
  }
  reader.Optional("program", &task.program);
  reader.Optional("control", &task.control);
  reader.Optional("environment", &task.environment);
  reader.Optional("files", &task.files);
  reader.Optional("result", &task.result);
  if (const Value* const inputs = reader.Array("inputs")) {
    for (size_t i = 0; i < inputs->items.size(); ++i) {
      task.inputs.push_back(
          ReadInput(source, inputs->items[i], absl::StrCat("/inputs/", i), reader));
    }
  }
  if (const Value* const outputs = reader.Array("outputs")) {
    for (size_t i = 0; i < outputs->items.size(); ++i) {
      task.outputs.push_back(
          ReadOutput(source, outputs->items[i], absl::StrCat("/outputs/", i), reader));
    }
  }
  DEPS_RETURN_IF_ERROR(reader.Finish());
  return task;
}

}  // namespace deps
