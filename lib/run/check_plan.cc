#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "lib/base/status_macros.h"
#include "lib/diag/diagnostic.h"
#include "lib/model/installation.h"
#include "lib/model/installation_clash.h"
#include "lib/run/scheduler.h"

namespace deps {
namespace {

// By id: their places in the plan.
using TaskPlaces = absl::flat_hash_map<std::string_view, size_t>;

absl::Status Wrong(std::string message) {
  return MakeError({.id = DiagnosticId::kDocumentValue, .message = std::move(message)});
}

absl::Status CheckSource(const ValueSource& source, const TaskPlaces& tasks) {
  switch (source.kind) {
    case ValueSource::Kind::kOutput:
    case ValueSource::Kind::kParameter:
    case ValueSource::Kind::kCredential:
      if (!tasks.contains(source.item.task)) {
        return Wrong(absl::StrCat("a source names task '", source.item.task,
                                  "', which the plan does not have"));
      }
      return absl::OkStatus();
    case ValueSource::Kind::kSecret:
      return ParseSecretReference(source.text).status();
    case ValueSource::Kind::kTemplate:
      for (const auto& [name, input] : source.inputs) {
        if (input.kind == ValueSource::Kind::kTemplate) {
          return Wrong("a template within a template");
        }
        DEPS_RETURN_IF_ERROR(CheckSource(input, tasks));
      }
      return absl::OkStatus();
    case ValueSource::Kind::kValue:
      return absl::OkStatus();
  }
  return absl::OkStatus();
}

absl::Status CheckTask(const PlannedTask& task, const TaskPlaces& tasks, const Getenv& getenv) {
  for (const std::string& need : task.needs) {
    if (!tasks.contains(need)) {
      return Wrong(absl::StrCat("it needs '", need, "', which the plan does not have"));
    }
  }
  for (const auto* sources : {&task.parameters, &task.credentials}) {
    for (const auto& [name, source] : *sources) DEPS_RETURN_IF_ERROR(CheckSource(source, tasks));
  }
  for (const auto& [name, output] : task.outputs) {
    if (output.sink.empty()) continue;
    const absl::Status status = CheckSink(output.sink, getenv);
    if (!status.ok()) return WithContext(status, absl::StrCat("output '", name, "'"));
  }
  return absl::OkStatus();
}

bool HasCircle(const Plan& plan, const TaskPlaces& places) {
  std::vector<std::vector<size_t>> needed_by(plan.tasks.size());
  std::vector<size_t> open(plan.tasks.size());
  std::vector<size_t> ready;
  for (size_t i = 0; i < plan.tasks.size(); ++i) {
    open[i] = plan.tasks[i].needs.size();
    if (open[i] == 0) ready.push_back(i);
    for (const std::string& need : plan.tasks[i].needs) needed_by[places.at(need)].push_back(i);
  }
  for (size_t next = 0; next < ready.size(); ++next) {
    for (const size_t waiting : needed_by[ready[next]]) {
      if (--open[waiting] == 0) ready.push_back(waiting);
    }
  }
  return ready.size() < plan.tasks.size();
}

}  // namespace

absl::Status CheckPlan(const Plan& plan, const Getenv& getenv) {
  TaskPlaces tasks;
  for (const PlannedTask& task : plan.tasks) {
    if (!tasks.emplace(task.id, tasks.size()).second)
      return Wrong(absl::StrCat("task '", task.id, "' twice"));
  }
  for (const PlannedTask& task : plan.tasks) {
    const absl::Status status = CheckTask(task, tasks, getenv);
    if (!status.ok()) return WithContext(status, absl::StrCat("task '", task.id, "'"));
  }
  if (HasCircle(plan, tasks)) return Wrong("tasks of the plan need each other in a circle");
  return absl::OkStatus();
}

absl::Status CheckClashes(const Plan& plan, Store& store) {
  DEPS_ASSIGN_OR_RETURN(const std::vector<Installation> installations, store.Installations());
  std::map<InstallationName, const Installation*> by_name;
  for (const Installation& installation : installations) {
    by_name[installation.name] = &installation;
  }
  std::vector<Diagnostic> errors;
  for (const PlannedTask& task : plan.tasks) {
    if (task.action != "install") continue;
    const auto existing = by_name.find(task.installation.name);
    if (existing == by_name.end()) continue;
    const std::string clash = ClashOf(task.installation, task.bundle, *existing->second);
    if (clash.empty()) continue;
    errors.push_back(
        {.id = DiagnosticId::kPlanClash,
         .message = absl::StrCat("task '", task.id, "' would install ",
                                 existing->second->DisplayName(), ", which exists and ", clash),
         .hint = "make the plan anew: deps-plan --state tells what is installed, and "
                 "--installation-of and --namespace choose another name"});
  }
  return errors.empty() ? absl::OkStatus() : MakeErrors(std::move(errors));
}

}  // namespace deps
