#include "lib/run/inputs.h"

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "lib/base/status_macros.h"
#include "lib/diag/diagnostic.h"

namespace deps {
namespace {

// Sources lead to sources; a plan that leads in a circle ends here.
constexpr int kMaxDepth = 64;

absl::Status Wrong(std::string message) {
  return MakeError({.id = DiagnosticId::kDocumentValue, .message = std::move(message)});
}

std::optional<StoredOutput> Take(std::vector<StoredOutput>& outputs, const std::string& name) {
  for (StoredOutput& output : outputs) {
    if (output.name == name) return std::move(output);
  }
  return std::nullopt;
}

}  // namespace

absl::Status StateKey::Load(bool create) {
  if (key_ != nullptr) return absl::OkStatus();
  DEPS_ASSIGN_OR_RETURN(SealKey key, create ? SealKey::ReadOrCreate(path_) : SealKey::Read(path_));
  key_ = std::make_unique<SealKey>(std::move(key));
  return absl::OkStatus();
}

absl::Status StateKey::Ensure() {
  absl::MutexLock lock(&mutex_);
  return Load(true);
}

absl::StatusOr<std::string> StateKey::Seal(std::string_view value, std::string_view ref) {
  absl::MutexLock lock(&mutex_);
  DEPS_RETURN_IF_ERROR(Load(true));
  return key_->Seal(value, ref);
}

absl::StatusOr<SecretBuffer> StateKey::Open(const StoredOutput& output, const Getenv& getenv,
                                            const std::atomic<int>* stop) {
  if (output.box.empty()) return ResolveSecret(output.ref, getenv, stop);
  absl::MutexLock lock(&mutex_);
  DEPS_RETURN_IF_ERROR(Load(false));
  absl::StatusOr<SecretBuffer> value = key_->Open(output.box, output.ref);
  if (!value.ok()) return WithContext(value.status(), output.ref);
  return value;
}

SecretBuffer BytesOf(const JsonText& value) {
  const json::Value parsed = json::Value::Of(value);
  return SecretBuffer(parsed.IsString() ? parsed.text : value.text);
}

InputResolver::InputResolver(std::string workflow, std::set<std::string> secret_variables,
                             Store& store, StateKey& key, Getenv getenv,
                             const std::atomic<int>* stop)
    : workflow_(std::move(workflow)),
      secret_variables_(std::move(secret_variables)),
      store_(store),
      key_(key),
      getenv_(std::move(getenv)),
      stop_(stop) {}

absl::StatusOr<ResolvedValue> InputResolver::Resolve(const ValueSource& source) const {
  return ResolveAt(source, 0);
}

absl::StatusOr<ResolvedValue> InputResolver::Parameter(const PlannedTask& task,
                                                       const std::string& name) const {
  return ParameterAt(task, name, 0);
}

absl::StatusOr<ResolvedValue> InputResolver::ResolveAt(const ValueSource& source, int depth) const {
  if (depth > kMaxDepth) return Wrong("sources of values lead in a circle");
  switch (source.kind) {
    case ValueSource::Kind::kValue:
      return ResolvedValue{.bytes = BytesOf(source.value)};
    case ValueSource::Kind::kOutput:
      return Output(source.item);
    case ValueSource::Kind::kParameter: {
      DEPS_ASSIGN_OR_RETURN(const PlannedTask task, FindTask(source.item.task));
      return ParameterAt(task, source.item.name, depth + 1);
    }
    case ValueSource::Kind::kCredential:
      return Credential(source.item, depth + 1);
    case ValueSource::Kind::kSecret: {
      DEPS_ASSIGN_OR_RETURN(SecretBuffer value, ResolveSecret(source.text, getenv_, stop_));
      return ResolvedValue{.bytes = std::move(value), .sensitive = true};
    }
    case ValueSource::Kind::kTemplate:
      return Template(source, depth + 1);
  }
  return Wrong("a source of an unknown kind");
}

absl::StatusOr<PlannedTask> InputResolver::FindTask(const std::string& id) const {
  return store_.FindTask(workflow_, id);
}

absl::StatusOr<ResolvedValue> InputResolver::ParameterAt(const PlannedTask& task,
                                                         const std::string& name, int depth) const {
  const auto definition = task.bundle.parameters.find(name);
  const bool defined = definition != task.bundle.parameters.end();
  ResolvedValue value;
  if (const auto source = task.parameters.find(name); source != task.parameters.end()) {
    absl::StatusOr<ResolvedValue> resolved = ResolveAt(source->second, depth);
    // An output of the task itself is one of an earlier run, if there was any.
    const bool own =
        source->second.kind == ValueSource::Kind::kOutput && source->second.item.task == task.id;
    if (!own || !HasId(resolved.status(), DiagnosticId::kStateUnknownWorkflow)) {
      DEPS_ASSIGN_OR_RETURN(value, std::move(resolved));
    } else if (defined && definition->second.default_value.has_value()) {
      value.bytes = BytesOf(*definition->second.default_value);
    }
  } else if (!defined) {
    return Wrong(absl::StrCat("task '", task.id, "' has no parameter '", name, "'"));
  } else if (definition->second.default_value.has_value()) {
    value.bytes = BytesOf(*definition->second.default_value);
  }
  if (defined && definition->second.sensitive) value.sensitive = true;
  return value;
}

absl::StatusOr<ResolvedValue> InputResolver::Credential(const TaskItem& item, int depth) const {
  DEPS_ASSIGN_OR_RETURN(const PlannedTask task, FindTask(item.task));
  const auto source = task.credentials.find(item.name);
  if (source == task.credentials.end()) {
    return Wrong(absl::StrCat("task '", item.task, "' has no credential '", item.name, "'"));
  }
  DEPS_ASSIGN_OR_RETURN(ResolvedValue value, ResolveAt(source->second, depth));
  value.sensitive = true;
  return value;
}

absl::StatusOr<std::vector<StoredOutput>> InputResolver::LeftOutputs(
    const PlannedTask& task) const {
  return store_.Outputs(workflow_, task.id);
}

absl::StatusOr<ResolvedValue> InputResolver::Output(const TaskItem& item) const {
  DEPS_ASSIGN_OR_RETURN(std::vector<StoredOutput> outputs, store_.Outputs(workflow_, item.task));
  std::optional<StoredOutput> output = Take(outputs, item.name);
  if (!output.has_value()) {
    // What an installation left in an earlier run still holds: an uninstall runs
    // what needs an output before the task that the output is of.
    DEPS_ASSIGN_OR_RETURN(const PlannedTask task, FindTask(item.task));
    DEPS_ASSIGN_OR_RETURN(outputs, store_.InstallationOutputs(task.installation.name));
    output = Take(outputs, item.name);
  }
  if (!output.has_value()) {
    return MakeError(
        {.id = DiagnosticId::kStateUnknownWorkflow,
         .message = absl::StrCat("task '", item.task, "' has left no output '", item.name, "'")});
  }
  if (!output->sensitive) return ResolvedValue{.bytes = BytesOf(output->value)};
  DEPS_ASSIGN_OR_RETURN(SecretBuffer value, key_.Open(*output, getenv_, stop_));
  return ResolvedValue{.bytes = std::move(value), .sensitive = true};
}

absl::StatusOr<ResolvedValue> InputResolver::Template(const ValueSource& source, int depth) const {
  ResolvedValue result;
  std::string_view rest = source.text;
  while (!rest.empty()) {
    const size_t open = rest.find("${");
    result.bytes.Append(rest.substr(0, open));
    if (open == std::string_view::npos) break;
    rest.remove_prefix(open + 2);
    const size_t close = rest.find('}');
    if (close == std::string_view::npos) return Wrong("a template with a '${' that is not closed");
    const std::string name(rest.substr(0, close));
    rest.remove_prefix(close + 1);
    const auto input = source.inputs.find(name);
    if (input == source.inputs.end()) {
      return Wrong(absl::StrCat("a template without an input '", name, "'"));
    }
    DEPS_ASSIGN_OR_RETURN(const ResolvedValue value, ResolveAt(input->second, depth));
    result.bytes.Append(value.bytes.view());
    result.sensitive = result.sensitive || value.sensitive;
  }
  return result;
}

}  // namespace deps
