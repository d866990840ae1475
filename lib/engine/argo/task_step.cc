#include "lib/engine/argo/task_step.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "lib/base/status_macros.h"
#include "lib/diag/diagnostic.h"

namespace deps {
namespace {

using Kind = ValueSource::Kind;

constexpr int kMostDepth = 64;
// Of one input: templates of templates grow exponentially.
constexpr int kMostSources = 1000;

absl::Status Wrong(std::string message) {
  return MakeError({.id = DiagnosticId::kDocumentValue, .message = std::move(message)});
}

void AddInputs(const ValueSource& source, std::vector<TaskItem>* inputs) {
  if (source.kind == Kind::kOutput &&
      std::find(inputs->begin(), inputs->end(), source.item) == inputs->end()) {
    inputs->push_back(source.item);
  }
  for (const auto& [name, input] : source.inputs) AddInputs(input, inputs);
}

}  // namespace

StepMaker::StepMaker(const Plan& plan) {
  for (const PlannedTask& task : plan.tasks) tasks_.emplace(task.id, &task);
}

const PlannedTask* StepMaker::Find(const std::string& id) const {
  const auto found = tasks_.find(id);
  return found == tasks_.end() ? nullptr : found->second;
}

absl::StatusOr<TaskStep> StepMaker::Make(const PlannedTask& task) const {
  TaskStep step{.task = task};
  for (auto* sources : {&step.task.parameters, &step.task.credentials}) {
    for (auto& [name, source] : *sources) {
      // What an earlier run left is no other task's: the agent looks for it.
      if (source.kind == Kind::kOutput && source.item.task == task.id) continue;
      int budget = kMostSources;
      absl::StatusOr<ValueSource> expanded = Expanded(source, 0, &budget);
      if (!expanded.ok()) {
        return WithContext(expanded.status(), absl::StrCat(task.id, "#", name));
      }
      source = *std::move(expanded);
      AddInputs(source, &step.inputs);
    }
  }
  return step;
}

absl::StatusOr<ValueSource> StepMaker::Expanded(const ValueSource& source, int depth,
                                                int* budget) const {
  if (depth > kMostDepth || --*budget < 0) return Wrong("sources lead too far");
  switch (source.kind) {
    case Kind::kValue:
    case Kind::kSecret:
      return source;
    case Kind::kOutput:
      return ExpandedOutput(source);
    case Kind::kParameter:
    case Kind::kCredential:
      return ExpandedInput(source, depth, budget);
    case Kind::kTemplate: {
      ValueSource expanded = source;
      for (auto& [name, input] : expanded.inputs) {
        DEPS_ASSIGN_OR_RETURN(input, Expanded(input, depth + 1, budget));
      }
      return expanded;
    }
  }
  return source;
}

absl::StatusOr<ValueSource> StepMaker::ExpandedInput(const ValueSource& source, int depth,
                                                     int* budget) const {
  const PlannedTask* const task = Find(source.item.task);
  if (task == nullptr) return Wrong(absl::StrCat("there is no task ", source.item.task));
  const bool parameter = source.kind == Kind::kParameter;
  const auto& sources = parameter ? task->parameters : task->credentials;
  const auto found = sources.find(source.item.name);
  if (found != sources.end()) return Expanded(found->second, depth + 1, budget);
  const auto definition = task->bundle.parameters.find(source.item.name);
  if (parameter && definition != task->bundle.parameters.end()) {
    if (definition->second.default_value)
      return ValueSource{.value = *definition->second.default_value};
    return ValueSource{.value = {"\"\""}};
  }
  return Wrong(absl::StrCat("the task ", source.item.task, " has no ",
                            parameter ? "parameter " : "credential ", source.item.name));
}

absl::StatusOr<ValueSource> StepMaker::ExpandedOutput(const ValueSource& source) const {
  const PlannedTask* const task = Find(source.item.task);
  if (task == nullptr) return Wrong(absl::StrCat("there is no task ", source.item.task));
  const auto output = task->outputs.find(source.item.name);
  if (output == task->outputs.end() || !output->second.sensitive) return source;
  if (!output->second.sink.empty()) {
    return ValueSource{.kind = Kind::kSecret, .text = output->second.sink};
  }
  return MakeError({.id = DiagnosticId::kPlanSink,
                    .message = absl::StrCat("the output \"", source.item.name, "\" of ",
                                            source.item.task, " is sensitive and has no sink"),
                    .hint = "name a provider that keeps values with --sink, as vault:kv/deps"});
}

}  // namespace deps
