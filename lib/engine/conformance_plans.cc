#include "lib/engine/conformance_plans.h"

#include <algorithm>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"

namespace deps {
namespace {

ParameterDefinition TextParameter(std::string_view variable) {
  return {.type = "string", .destination = {.env = std::string(variable)}};
}

ValueSource Literal(const std::string& text) {
  return {.value = json::ToText(json::Value::String(text))};
}

std::string NameOf(const std::string& id) { return absl::StrReplaceAll(id, {{"/", "-"}}); }

PlannedTask MakeTask(const std::string& name, const TrialTask& trial,
                     const ConformanceOptions& options) {
  PlannedTask task = {.id = trial.id, .action = "install", .needs = trial.needs};
  task.installation.name = {.name_space = "", .name = absl::StrCat(name, "-", NameOf(trial.id))};
  Bundle& bundle = task.bundle;
  bundle.name = NameOf(trial.id);
  bundle.version = "1.0.0";
  bundle.parameters = {{"do", TextParameter("DO")},
                       {"word", TextParameter("WORD")},
                       {"before", TextParameter("BEFORE")},
                       {"journal", TextParameter("JOURNAL")}};
  bundle.credentials = {{"token", {.destination = {.env = "TOKEN"}}}};
  bundle.outputs = {{"said", {.type = "string", .path = "/cnab/app/outputs/said"}}};
  if (!options.image.empty()) {
    bundle.invocation_images = {{.image = options.image, .image_type = "oci"}};
  }
  task.parameters = {{"do", Literal(trial.what)},
                     {"word", Literal(trial.word)},
                     {"journal", Literal(options.folder + "/journal-" + name)}};
  if (!trial.takes.empty()) {
    task.parameters["before"] = {.kind = ValueSource::Kind::kOutput, .item = {trial.takes, "said"}};
  }
  task.credentials["token"] = {.kind = ValueSource::Kind::kSecret,
                               .text = absl::StrCat("file:", options.folder, "/token")};
  if (trial.what == "say") {
    task.outputs["said"] = {.path = "/cnab/app/outputs/said", .type = "string"};
  }
  return task;
}

}  // namespace

Plan TrialPlan(const std::string& name, const std::vector<TrialTask>& tasks,
               const ConformanceOptions& options) {
  Plan plan = {.action = "install", .installation = {.name_space = "", .name = name}};
  std::map<std::string, int64_t> stages;
  for (const TrialTask& trial : tasks) {
    PlannedTask task = MakeTask(name, trial, options);
    for (const std::string& need : task.needs) task.stage = std::max(task.stage, stages[need] + 1);
    stages[task.id] = task.stage;
    if (plan.stages.size() <= static_cast<size_t>(task.stage)) plan.stages.resize(task.stage + 1);
    plan.stages[task.stage].push_back(task.id);
    plan.tasks.push_back(std::move(task));
  }
  std::stable_sort(plan.tasks.begin(), plan.tasks.end(),
                   [](const PlannedTask& a, const PlannedTask& b) { return a.stage < b.stage; });
  plan.digest = PlanDigest(plan);
  return plan;
}

std::vector<TrialTask> ChainOfThree() {
  return {{"root/second/first", "say", "one"},
          {"root/second", "say", "two", "root/second/first", {"root/second/first"}},
          {"root", "say", "three", "root/second", {"root/second"}}};
}

std::string_view ConformanceTool() {
  return R"tool(#!/bin/sh
# The run tool of deps-engine-conformance.
set -eu
if [ -d "$(dirname "${JOURNAL:-/nowhere/x}")" ]; then
  echo "$CNAB_BUNDLE_NAME" >>"$JOURNAL"
fi
[ "$(printf %s "$TOKEN" | wc -c)" -gt 20 ] || { echo 'the credential is not here'; exit 9; }
echo "$CNAB_BUNDLE_NAME does: $DO"
case $DO in
  say) printf '%s' "${BEFORE:+$BEFORE, }$WORD" >"${CNAB_ROOT:-}/cnab/app/outputs/said" ;;
  fail) exit 7 ;;
  sleep) sleep 600 ;;
esac
)tool";
}

}  // namespace deps
