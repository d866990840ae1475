#include "lib/agent/step.h"

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "lib/agent/bundle_files.h"
#include "lib/agent/inputs.h"
#include "lib/agent/typed_text.h"
#include "lib/base/status_macros.h"
#include "lib/diag/diagnostic.h"
#include "lib/json/json.h"
#include "lib/model/planned_task.h"
#include "lib/state/ulid.h"

namespace deps {
namespace {

using json::ObjectReader;
using json::Value;
using Kind = ValueSource::Kind;

absl::Status Invalid(std::string message) {
  return MakeError({.id = DiagnosticId::kBundleInvalid, .message = std::move(message)});
}

absl::Status Wrong(std::string message) {
  return MakeError({.id = DiagnosticId::kDocumentValue, .message = std::move(message)});
}

AgentStep::Input ReadInput(const Source& source, const Value& item, const std::string& pointer,
                           ObjectReader& outer) {
  AgentStep::Input input;
  ObjectReader reader(source, item, pointer);
  reader.Required("task", &input.item.task);
  reader.Required("name", &input.item.name);
  reader.Required("variable", &input.variable);
  outer.Check(reader.Finish());
  return input;
}

// Of a step to what the agent does for it.
class StepReader {
 public:
  StepReader(const AgentStep& step, const Getenv& getenv) : step_(step), getenv_(getenv) {}

  absl::StatusOr<AgentTask> Run() {
    const PlannedTask& task = step_.task;
    SetContractVariables();
    std::map<std::string, ParameterDefinition> parameters = task.bundle.parameters;
    for (const auto& [name, source] : task.parameters) parameters.try_emplace(name);
    for (const auto& [name, definition] : parameters) {
      DEPS_RETURN_IF_ERROR(AddParameter(name, definition));
    }
    for (const auto& [name, definition] : task.bundle.credentials) {
      DEPS_RETURN_IF_ERROR(AddCredential(name, definition));
    }
    made_.files[kBundleFilePath] = BundleFile(task.bundle);
    made_.files[kImageMapFilePath] = ImageMapFile(task.bundle);
    made_.files[kClaimFilePath] = ClaimFile(task, record_);
    for (const auto& [alias, bundle] : step_.dependencies) {
      made_.files[DependencyFilePath(alias)] = bundle;
    }
    for (const AgentInput& input : made_.inputs) {
      if (made_.files.count(input.path) > 0) {
        return Invalid(absl::StrCat("two inputs have the destination '", input.path, "'"));
      }
    }
    AddOutputs();
    return std::move(made_);
  }

 private:
  void SetContractVariables() {
    const InstallationName& name = step_.task.installation.name;
    record_.created = NowText();
    record_.revision = record_.run_id = Revision();
    made_.environment = {{"CNAB_INSTALLATION_NAME", name.name},
                         {"CNAB_BUNDLE_NAME", step_.task.bundle.name},
                         {"CNAB_BUNDLE_VERSION", step_.task.bundle.version},
                         {"CNAB_ACTION", step_.task.action},
                         {"CNAB_REVISION", record_.revision},
                         {"CNAB_CLAIMS_VERSION", "CNAB-Claims-1.0.0"},
                         {"PORTER_INSTALLATION_NAMESPACE", name.name_space},
                         {"PORTER_INSTALLATION_NAME", name.name}};
  }

  std::string Revision() const {
    const std::vector<std::string> words = absl::StrSplit(getenv_("DEPS_RUN").value_or(""), ' ');
    double seconds = 0;
    if (words.size() != 2 || !absl::SimpleAtod(words[1], &seconds)) return NewUlid();
    return UlidOf(absl::FromUnixSeconds(static_cast<int64_t>(seconds)),
                  absl::StrCat(words[0], "/", step_.task.id));
  }

  // Outputs become the values that their variables have.
  absl::StatusOr<ValueSource> Filled(const ValueSource& source, int depth) const {
    if (depth > 64) return Wrong("sources lead too far");
    ValueSource filled = source;
    switch (source.kind) {
      case Kind::kValue:
      case Kind::kSecret:
        return filled;
      case Kind::kTemplate:
        for (auto& [name, input] : filled.inputs) {
          DEPS_ASSIGN_OR_RETURN(input, Filled(input, depth + 1));
        }
        return filled;
      case Kind::kOutput:
        break;
      default:
        return Wrong("a step has sources that lead to no other task");
    }
    for (const AgentStep::Input& input : step_.inputs) {
      if (input.item != source.item) continue;
      const std::optional<std::string> value = getenv_(input.variable);
      if (!value.has_value()) return Wrong(absl::StrCat(input.variable, " is not set"));
      return ValueSource{.value = json::ToText(Value::String(*value))};
    }
    return Wrong(absl::StrCat("the step has no input for '", source.item.name, "' of '",
                              source.item.task, "'"));
  }

  absl::Status Add(const std::string& name, Destination destination, ValueSource source,
                   bool sensitive) {
    const std::string& variable = destination.env;
    if (absl::StartsWith(variable, "CNAB_") && !absl::StartsWith(variable, "CNAB_P_")) {
      return Invalid(absl::StrCat("an input may not set '", variable, "'"));
    }
    if (variable.find_first_of(std::string_view("=\0", 2)) != std::string::npos) {
      return Invalid(absl::StrCat("'", variable, "' is not the name of a variable"));
    }
    if (!variable.empty() && !variables_.insert(variable).second) {
      return Invalid(absl::StrCat("two inputs have the variable '", variable, "'"));
    }
    destination.path = AbsolutePath(std::move(destination.path));
    if (!destination.path.empty() && !paths_.insert(destination.path).second) {
      return Invalid(absl::StrCat("two inputs have the destination '", destination.path, "'"));
    }
    made_.inputs.push_back({.name = name,
                            .env = variable,
                            .path = destination.path,
                            .source = std::move(source),
                            .sensitive = sensitive});
    return absl::OkStatus();
  }

  absl::Status AddParameter(const std::string& name, const ParameterDefinition& definition) {
    if (!AppliesTo(definition.apply_to, step_.task.action)) return absl::OkStatus();
    ValueSource value{.value = definition.default_value.value_or(JsonText{"\"\""})};
    const auto source = step_.task.parameters.find(name);
    if (source != step_.task.parameters.end()) {
      const bool own =
          source->second.kind == Kind::kOutput && source->second.item.task == step_.task.id;
      // What an earlier run left is not to be had here.
      if (!own) {
        DEPS_ASSIGN_OR_RETURN(value, Filled(source->second, 0));
      }
    } else if (definition.required && !definition.default_value.has_value()) {
      return Invalid(absl::StrCat("parameter '", name, "' is required and has no value"));
    }
    if (!definition.sensitive && !HoldsSecret(value)) {
      DEPS_ASSIGN_OR_RETURN(const SecretBuffer bytes, ResolveInput(value, getenv_));
      record_.parameters[name] = AsJson(definition.type, bytes.view());
    }
    Destination destination = definition.destination;
    if (destination.env.empty() && destination.path.empty()) {
      destination.env = absl::StrCat("CNAB_P_", absl::AsciiStrToUpper(name));
    }
    return Add(name, std::move(destination), std::move(value), definition.sensitive);
  }

  absl::Status AddCredential(const std::string& name, const CredentialDefinition& definition) {
    if (!AppliesTo(definition.apply_to, step_.task.action)) return absl::OkStatus();
    const auto source = step_.task.credentials.find(name);
    if (source == step_.task.credentials.end()) {
      const auto action = step_.task.bundle.actions.find(step_.task.action);
      const bool stateless = action != step_.task.bundle.actions.end() && action->second.stateless;
      if (!definition.required || stateless) return absl::OkStatus();
      return Invalid(absl::StrCat("credential '", name, "' is required and has no source"));
    }
    if (absl::StartsWith(definition.destination.path, "/cnab/app/outputs")) {
      return Invalid(absl::StrCat("credential '", name, "' may not lie among the outputs"));
    }
    DEPS_ASSIGN_OR_RETURN(ValueSource value, Filled(source->second, 0));
    return Add(name, definition.destination, std::move(value), true);
  }

  void AddOutputs() {
    for (const auto& [name, planned] : step_.task.outputs) {
      AgentOutput output = {.name = name,
                            .path = planned.path,
                            .type = planned.type,
                            .sensitive = planned.sensitive,
                            .sink = planned.sink,
                            .optional = step_.task.action == "uninstall"};
      const auto definition = step_.task.bundle.outputs.find(name);
      if (definition != step_.task.bundle.outputs.end()) {
        if (!AppliesTo(definition->second.apply_to, step_.task.action)) continue;
        if (output.path.empty()) output.path = definition->second.path;
        if (output.type.empty()) output.type = definition->second.type;
        output.sensitive = output.sensitive || definition->second.sensitive;
        output.default_value = definition->second.default_value;
      }
      if (output.path.empty()) output.path = absl::StrCat("/cnab/app/outputs/", name);
      const auto file = step_.outputs.find(name);
      if (file != step_.outputs.end() && !output.sensitive) output.file = file->second;
      made_.outputs.push_back(std::move(output));
    }
  }

  const AgentStep& step_;
  const Getenv& getenv_;
  AgentTask made_;
  RunRecord record_;
  std::set<std::string> variables_;
  std::set<std::string> paths_;
};

}  // namespace

absl::StatusOr<AgentStep> ParseStep(const Source& source) {
  Source text = source;
  const std::string_view stripped = absl::StripAsciiWhitespace(source.text);
  if (!absl::StartsWith(stripped, "{") && !absl::Base64Unescape(stripped, &text.text)) {
    return MakeError({.id = DiagnosticId::kJsonSyntax,
                      .message = "a step is a JSON object, or one in base64",
                      .location = {.file = source.name}});
  }
  DEPS_ASSIGN_OR_RETURN(const Value document, json::Parse(text));
  AgentStep step;
  std::string version;
  std::string kind;
  ObjectReader reader(text, document);
  reader.Required("apiVersion", &version);
  reader.Required("kind", &kind);
  if (reader.status().ok() && (version != "cnab-deps/v1" || kind != "Step")) {
    reader.Fail(DiagnosticId::kDocumentKind, "kind",
                absl::StrCat("expected a Step of cnab-deps/v1, found ", kind, " of ", version));
  }
  reader.Required("plan", &step.plan);
  if (const Value* const task = reader.Object("task", /*required=*/true)) {
    reader.Check(PlannedTaskFromJson(text, *task, "/task", &step.task));
  }
  reader.Optional("dependencies", &step.dependencies);
  for (const auto& [alias, bundle] : step.dependencies) {
    if (!alias.empty() && alias[0] != '.' && alias.find('/') == std::string::npos) continue;
    reader.Fail(DiagnosticId::kDocumentValue, "dependencies",
                absl::StrCat("'", alias, "' is no name of a folder"));
  }
  if (const Value* const inputs = reader.Array("inputs")) {
    for (size_t i = 0; i < inputs->items.size(); ++i) {
      step.inputs.push_back(ReadInput(text, inputs->items[i], absl::StrCat("/inputs/", i), reader));
    }
  }
  reader.Optional("outputs", &step.outputs);
  for (const auto& [name, file] : step.outputs) {
    if (step.task.outputs.contains(name)) continue;
    reader.Fail(DiagnosticId::kDocumentValue, "outputs",
                absl::StrCat("the task has no output '", name, "'"));
  }
  DEPS_RETURN_IF_ERROR(reader.Finish());
  return step;
}

absl::StatusOr<AgentTask> TaskOfStep(const AgentStep& step, const Getenv& getenv) {
  return StepReader(step, getenv).Run();
}

}  // namespace deps
