#include "lib/engine/argo/run.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <set>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "lib/agent/typed_text.h"
#include "lib/base/status_macros.h"
#include "lib/diag/diagnostic.h"
#include "lib/diag/source.h"
#include "lib/engine/argo/client.h"
#include "lib/engine/argo/nodes.h"
#include "lib/engine/argo/render.h"

namespace deps {
namespace {

using json::Value;

struct PhaseRule {
  std::string_view phase;
  std::string_view status;
  std::string_view reason;
};

// Phases of nodes. Failed is refined by what the node says.
constexpr std::array<PhaseRule, 6> kNodePhases = {{
    {"Succeeded", "succeeded", ""},
    {"Failed", "failed", "bundle"},
    {"Error", "failed", "engine"},
    {"Skipped", "skipped", ""},
    {"Omitted", "skipped", "upstream"},
    {"Running", "running", ""},
}};

constexpr std::array<PhaseRule, 4> kWorkflowPhases = {{
    {"Running", "running", ""},
    {"Succeeded", "succeeded", ""},
    {"Failed", "failed", ""},
    {"Error", "failed", ""},
}};

bool IsEnd(std::string_view status) { return status != "pending" && status != "running"; }

absl::Status NotOurs(std::string_view name, std::string_view why) {
  return MakeError({.id = DiagnosticId::kEngineRefused,
                    .message = absl::StrCat("the workflow ", name, " is none of deps-run: ", why)});
}

const Value* Named(const Value* list, std::string_view name) {
  if (list == nullptr || !list->IsArray()) return nullptr;
  for (const Value& item : list->items) {
    if (TextIn(item, {"name"}) == name) return &item;
  }
  return nullptr;
}

std::optional<int64_t> ExitCodeOf(const Value& node) {
  int64_t code = 0;
  if (!absl::SimpleAtoi(TextIn(node, {"outputs", "exitCode"}), &code)) return std::nullopt;
  return code;
}

absl::Time TimeAt(const Value& node, std::string_view key) {
  absl::Time time;
  std::string error;
  return absl::ParseTime(absl::RFC3339_full, TextIn(node, {key}), &time, &error)
             ? time
             : absl::InfinitePast();
}

bool SaysShutdown(const Value& node) {
  return absl::StrContains(TextIn(node, {"message"}), "workflow shutdown with strategy");
}

bool SaysTooLong(const std::string& message) {
  return absl::StrContains(message, "longer than the specified deadline") ||
         absl::StrContains(message, "exceeded its deadline") ||
         absl::StrContains(message, "step exceeded workflow deadline");
}

// deps-agent ends with this where it could not start the bundle; the node's
// message has why.
constexpr int64_t kNotStarted = 125;

// What ended because it was told to.
bool IsKilled(const std::optional<int64_t>& exit_code) {
  return exit_code == 128 + 15 || exit_code == 128 + 9;
}

}  // namespace

absl::StatusOr<ArgoRun> ArgoRun::Read(Value workflow) {
  ArgoRun run(std::move(workflow));
  DEPS_RETURN_IF_ERROR(run.ReadTasks());
  DEPS_RETURN_IF_ERROR(run.ReadNodes());
  return run;
}

std::string ArgoRun::name() const { return TextIn(resource_, {"metadata", "name"}); }

std::string ArgoRun::plan_digest() const {
  return TextIn(resource_, {"metadata", "annotations", "cnab-deps/plan-digest"});
}

std::string ArgoRun::Phase() const { return TextIn(resource_, {"status", "phase"}); }

bool ArgoRun::HasEnded() const {
  const std::string phase = Phase();
  return phase == "Succeeded" || phase == "Failed" || phase == "Error";
}

bool ArgoRun::IsShutDown() const {
  return !TextIn(resource_, {"spec", "shutdown"}).empty() ||
         absl::StrContains(TextIn(resource_, {"status", "message"}), "Stopped with strategy");
}

absl::Status ArgoRun::ReadTasks() {
  if (plan_digest().empty()) return NotOurs(name(), "it has no annotation cnab-deps/plan-digest");
  const Value* const templates = MemberIn(resource_, {"spec", "templates"});
  const Value* const main = Named(templates, "main");
  const Value* const tasks = main == nullptr ? nullptr : MemberIn(*main, {"dag", "tasks"});
  if (tasks == nullptr || !tasks->IsArray()) return NotOurs(name(), "it has no tasks");
  std::map<std::string, std::string> ids;
  for (const Value& item : tasks->items) {
    const std::string task_name = TextIn(item, {"name"});
    const Value* const shown = Named(templates, TextIn(item, {"template"}));
    if (shown == nullptr) return NotOurs(name(), "a task has no template");
    Task task = {.id = IdOfArgoName(task_name), .node = absl::StrCat(name(), ".", task_name)};
    if (task.id.empty()) {
      task.id = absl::StrReplaceAll(TextIn(*shown, {"metadata", "annotations", "cnab-deps/task"}),
                                    {{"{{='{{'}}", "{{"}});
    }
    DEPS_RETURN_IF_ERROR(ReadStep(*shown, &task));
    ids[task_name] = task.id;
    for (std::string_view need :
         absl::StrSplit(TextIn(item, {"depends"}), " && ", absl::SkipEmpty())) {
      absl::ConsumeSuffix(&need, ".Succeeded");
      task.needs.push_back(ids[std::string(need)]);
    }
    tasks_.push_back(std::move(task));
  }
  return absl::OkStatus();
}

absl::Status ArgoRun::ReadNodes() {
  const Value* nodes = MemberIn(resource_, {"status", "nodes"});
  if (nodes == nullptr) {
    if (const std::string packed = TextIn(resource_, {"status", "compressedNodes"});
        !packed.empty()) {
      DEPS_ASSIGN_OR_RETURN(unpacked_, UnpackArgoNodes(packed));
      nodes = &unpacked_;
    } else if (!TextIn(resource_, {"status", "offloadNodeStatusVersion"}).empty()) {
      return MakeError({.id = DiagnosticId::kEngineUnsupported,
                        .message = absl::StrCat("Argo keeps the nodes of the workflow ", name(),
                                                " in its database, and only an Argo Server "
                                                "tells them"),
                        .hint = "name it as 'server' in the engine's settings"});
    }
  }
  if (nodes == nullptr) return absl::OkStatus();
  for (const auto& [id, node] : nodes->members) nodes_[TextIn(node, {"name"})] = &node;
  return absl::OkStatus();
}

// What the agent of a template knows of its task.
absl::Status ArgoRun::ReadStep(const Value& shown, Task* task) const {
  const Value* const artifact = Named(MemberIn(shown, {"inputs", "artifacts"}), "step");
  std::string text;
  if (artifact == nullptr || !absl::Base64Unescape(TextIn(*artifact, {"raw", "data"}), &text)) {
    return NotOurs(name(), "a template has no step");
  }
  const absl::StatusOr<Value> step = json::Parse({"", std::move(text)});
  if (!step.ok()) return NotOurs(name(), "a template's step is no JSON");
  task->action = TextIn(*step, {"task", "action"});
  const Value* const outputs = MemberIn(*step, {"task", "outputs"});
  if (outputs == nullptr) return absl::OkStatus();
  for (const auto& [output_name, output] : outputs->members) {
    const Value* const sensitive = output.Find("sensitive");
    task->outputs[output_name] = {.type = TextIn(output, {"type"}),
                                  .sensitive = sensitive != nullptr && sensitive->boolean,
                                  .sink = TextIn(output, {"sink"})};
  }
  return absl::OkStatus();
}

const Value* ArgoRun::Node(const std::string& node_name) const {
  const auto found = nodes_.find(node_name);
  return found == nodes_.end() ? nullptr : found->second;
}

std::vector<const Value*> ArgoRun::AttemptsOf(const Task& task, const Value& node) const {
  std::vector<const Value*> attempts;
  if (TextIn(node, {"type"}) != "Retry") return {&node};
  while (const Value* const attempt = Node(absl::StrCat(task.node, "(", attempts.size(), ")"))) {
    attempts.push_back(attempt);
  }
  return attempts;
}

const ArgoRun::Task* ArgoRun::TaskOfNode(std::string_view node, int* attempt) const {
  *attempt = 0;
  for (const Task& task : tasks_) {
    std::string_view rest = node;
    if (!absl::ConsumePrefix(&rest, task.node)) continue;
    if (rest.empty()) return &task;
    if (absl::ConsumePrefix(&rest, "(") && absl::ConsumeSuffix(&rest, ")") &&
        absl::SimpleAtoi(rest, attempt)) {
      return &task;
    }
  }
  return nullptr;
}

void ArgoRun::TellWithoutNode(WorkflowTask* task) const {
  task->status = "pending";
  if (!HasEnded()) {
    task->message = TextIn(resource_, {"status", "message"});
  } else if (IsShutDown()) {
    task->status = "canceled";
  } else {
    task->status = "skipped";
    task->reason = "upstream";
  }
}

void ArgoRun::TellByPhase(const Value& node, const Value& last, WorkflowTask* task) const {
  const std::string phase = TextIn(node, {"phase"});
  task->status = task->attempt > 0 ? "running" : "pending";
  for (const PhaseRule& rule : kNodePhases) {
    if (rule.phase != phase) continue;
    // A node of type Retry runs before any of its attempts does.
    if (rule.status != "running") task->status = rule.status;
    task->reason = rule.reason;
  }
  if (phase == "Failed") {
    if (SaysShutdown(node) || SaysShutdown(last) ||
        (IsShutDown() && (IsKilled(task->exit_code) || !task->exit_code.has_value()))) {
      task->status = "canceled";
      task->reason = "";
    } else if (SaysTooLong(task->message)) {
      task->reason = "timeout";
    } else if (!task->exit_code.has_value() || task->exit_code == kNotStarted) {
      task->exit_code.reset();
      task->reason = "engine";
    }
  } else if (phase == "Omitted" && IsShutDown()) {
    task->status = "canceled";
    task->reason = "";
  }
  if (IsEnd(task->status) || !HasEnded()) return;
  task->status = "unknown";
  task->reason = "engine";
  task->message = "Argo ended the workflow and left this task as " + phase +
                  ": see whether it did its work, then resume the workflow";
}

void ArgoRun::TellOutputs(const Task& task, const Value& node, const Value& last,
                          WorkflowTask* told) const {
  for (const auto& [output_name, output] : task.outputs) {
    WorkflowOutput value = {.sensitive = output.sensitive};
    if (output.sensitive) {
      value.ref = output.sink;
      told->outputs[output_name] = std::move(value);
      continue;
    }
    for (const Value* from : {&node, &last}) {
      const Value* const parameter =
          Named(MemberIn(*from, {"outputs", "parameters"}), ArgoName(output_name));
      if (parameter == nullptr || parameter->Find("value") == nullptr) continue;
      // An uninstallation may leave its outputs out; Argo takes none for empty.
      if (task.action == "uninstall" && TextIn(*parameter, {"value"}).empty()) continue;
      value.value = AsJson(output.type, TextIn(*parameter, {"value"}));
    }
    if (value.value.has_value()) told->outputs[output_name] = std::move(value);
  }
}

WorkflowTask ArgoRun::TellTask(const Task& task, EngineStatus* status) const {
  WorkflowTask told = {.id = task.id};
  const Value* const node = Node(task.node);
  if (node == nullptr) {
    TellWithoutNode(&told);
    return told;
  }
  const std::vector<const Value*> attempts = AttemptsOf(task, *node);
  const Value& last = attempts.empty() ? *node : *attempts.back();
  for (const Value* attempt : attempts) {
    const std::string phase = TextIn(*attempt, {"phase"});
    told.attempt +=
        phase == "Running" || phase == "Succeeded" || phase == "Failed" || phase == "Error";
  }
  if (told.attempt > 0) told.started_at = TextIn(last, {"startedAt"});
  told.finished_at = TextIn(*node, {"finishedAt"});
  told.message = TextIn(last, {"message"});
  if (told.message.empty()) told.message = TextIn(*node, {"message"});
  told.exit_code = ExitCodeOf(last);
  TellByPhase(*node, last, &told);
  if (told.status == "succeeded") TellOutputs(task, *node, last, &told);
  status->native[task.id] = absl::StrCat("node ", TextIn(last, {"name"}));
  return told;
}

EngineStatus ArgoRun::Status() const {
  EngineStatus status;
  status.workflow = {.id = TextIn(resource_, {"metadata", "annotations", "cnab-deps/workflow"}),
                     .plan = plan_digest(),
                     .engine = "argo",
                     .status = "pending"};
  for (const PhaseRule& rule : kWorkflowPhases) {
    if (rule.phase == Phase()) status.workflow.status = rule.status;
  }
  if (status.workflow.status == "failed" && IsShutDown()) status.workflow.status = "canceled";
  status.cursor = status.workflow.status.substr(0, 3);
  for (const Task& task : tasks_) {
    WorkflowTask told = TellTask(task, &status);
    absl::StrAppend(&status.cursor, ".", told.status.substr(0, 3), told.attempt);
    status.workflow.tasks.push_back(std::move(told));
  }
  return status;
}

bool ArgoRun::NeedsPods() const {
  const Value* const suspend = MemberIn(resource_, {"spec", "suspend"});
  if (Phase() != "Running" || (suspend != nullptr && suspend->boolean)) return false;
  return std::none_of(nodes_.begin(), nodes_.end(), [](const auto& item) {
    const Value& node = *item.second;
    return !TextIn(node, {"synchronizationStatus", "waiting"}).empty() ||
           (TextIn(node, {"type"}) == "Retry" && TextIn(node, {"phase"}) == "Running" &&
            absl::StartsWith(TextIn(node, {"message"}), "Backoff "));
  });
}

absl::Time ArgoRun::LastChange() const {
  absl::Time last = TimeAt(*MemberIn(resource_, {"metadata"}), "creationTimestamp");
  for (const auto& [node_name, node] : nodes_) {
    last = std::max({last, TimeAt(*node, "startedAt"), TimeAt(*node, "finishedAt")});
  }
  return last;
}

void ArgoRun::TellLost(absl::Time since, EngineStatus* status) const {
  std::map<std::string, std::string> ended;
  status->workflow.status = "failed";
  absl::StrAppend(&status->cursor, ".lost");
  for (size_t i = 0; i < tasks_.size(); ++i) {
    WorkflowTask& task = status->workflow.tasks[i];
    if (!IsEnd(task.status)) {
      const bool ready =
          std::all_of(tasks_[i].needs.begin(), tasks_[i].needs.end(),
                      [&](const std::string& need) { return ended[need] == "succeeded"; });
      task.status = ready ? "unknown" : "skipped";
      task.reason = ready ? "engine" : "upstream";
      if (ready) {
        task.message =
            absl::StrCat("Argo says Running, and no pod of the workflow is alive since ",
                         absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", since, absl::UTCTimeZone()),
                         ": see whether the task did its work, then resume the workflow");
      }
    }
    ended[task.id] = task.status;
  }
}

}  // namespace deps
