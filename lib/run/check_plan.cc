#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "lib/base/status_macros.h"
#include "lib/diag/diagnostic.h"
#include "lib/model/installation.h"
#include "lib/model/installation_clash.h"
#include "lib/run/scheduler.h"

namespace deps {
namespace {

absl::Status Wrong(std::string message) {
  return MakeError({.id = DiagnosticId::kDocumentValue, .message = std::move(message)});
}

absl::Status CheckSource(const ValueSource& source) {
  if (source.kind == ValueSource::Kind::kSecret) return ParseSecretReference(source.text).status();
  for (const auto& [name, input] : source.inputs) {
    if (input.kind == ValueSource::Kind::kTemplate) return Wrong("a template within a template");
    DEPS_RETURN_IF_ERROR(CheckSource(input));
  }
  return absl::OkStatus();
}

absl::Status CheckTask(const PlannedTask& task, const Getenv& getenv) {
  for (const auto* sources : {&task.parameters, &task.credentials}) {
    for (const auto& [name, source] : *sources) DEPS_RETURN_IF_ERROR(CheckSource(source));
  }
  for (const auto& [name, output] : task.outputs) {
    if (output.sink.empty()) continue;
    const absl::Status status = CheckSink(output.sink, getenv);
    if (!status.ok()) return WithContext(status, absl::StrCat("output '", name, "'"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckPlan(const PlanReader& plan, const Getenv& getenv) {
  return plan.ForEachTask([&](const PlannedTask& task) {
    const absl::Status status = CheckTask(task, getenv);
    return status.ok() ? status : WithContext(status, absl::StrCat("task '", task.id, "'"));
  });
}

absl::Status CheckBundles(const PlanReader& plan, const Driver& driver) {
  return plan.ForEachTask([&](const PlannedTask& task) {
    if (task.action == "skip") return absl::OkStatus();
    const absl::Status status = driver.CheckBundle(task.bundle);
    return status.ok() ? status : WithContext(status, absl::StrCat("task '", task.id, "'"));
  });
}

absl::Status CheckClashes(const PlanReader& plan, Store& store) {
  DEPS_ASSIGN_OR_RETURN(const std::vector<Installation> installations, store.Installations());
  if (installations.empty()) return absl::OkStatus();
  std::map<InstallationName, const Installation*> by_name;
  for (const Installation& installation : installations) {
    by_name[installation.name] = &installation;
  }
  std::vector<Diagnostic> errors;
  DEPS_RETURN_IF_ERROR(plan.ForEachTask([&](const PlannedTask& task) {
    if (task.action != "install") return absl::OkStatus();
    const auto existing = by_name.find(task.installation.name);
    if (existing == by_name.end()) return absl::OkStatus();
    const std::string clash = ClashOf(task.installation, task.bundle, *existing->second);
    if (clash.empty()) return absl::OkStatus();
    errors.push_back(
        {.id = DiagnosticId::kPlanClash,
         .message = absl::StrCat("task '", task.id, "' would install ",
                                 existing->second->DisplayName(), ", which exists and ", clash),
         .hint = "make the plan anew: deps-plan --state tells what is installed, and "
                 "--installation-of and --namespace choose another name"});
    return absl::OkStatus();
  }));
  return errors.empty() ? absl::OkStatus() : MakeErrors(std::move(errors));
}

}  // namespace deps
