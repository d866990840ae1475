// DAGs, as Argo brings them about.
#include <set>

#include "absl/strings/str_cat.h"
#include "lib/engine/testing/argo_validate.h"
#include "lib/engine/testing/operation.h"
#include "lib/engine/testing/workflow_nodes.h"

namespace deps {

using json::Value;

void Operation::ExecuteDag(const Call& call) {
  if (Find(call.node) == nullptr) Make(call, "DAG", "Running");
  for (const Value& task : ItemsOf(call.shown.Find("dag"), "tasks")) ExecuteTask(call, task);
  const std::string phase = IsShutDown() ? "Failed" : PhaseOfDag(call);
  if (phase == "Running") return;
  if (phase == "Succeeded") SetDagOutputs(call);
  Set(call.node, phase);
}

void Operation::ExecuteTask(const Call& dag, const Value& task) {
  const std::string name = TextAt(task, {"name"});
  Call call = {.node = absl::StrCat(dag.node, ".", name),
               .display = name,
               .boundary = IdOf(dag.node),
               .shown = TemplateOf(workflow_, TextAt(task, {"template"}))};
  if (const Value* const node = Find(call.node); node != nullptr && IsFulfilled(*node)) return;
  const std::string depends = TextAt(task, {"depends"});
  for (const std::string& need : TasksOf(depends)) {
    const Value* const other = Find(absl::StrCat(dag.node, ".", need));
    if (other == nullptr || !IsFulfilled(*other)) return;
  }
  const auto holds = [&](const std::string& word) {
    const size_t dot = word.rfind('.');
    const std::string phase =
        TextAt(*Find(absl::StrCat(dag.node, ".", word.substr(0, dot))), {"phase"});
    const std::string wanted = word.substr(dot + 1);
    return phase == wanted || (wanted == "Errored" && phase == "Error");
  };
  const bool fails_fast = dag.shown.Find("dag")->Find("failFast") == nullptr ||
                          dag.shown.Find("dag")->Find("failFast")->boolean;
  if (Find(call.node) == nullptr) {
    if (IsShutDown()) return;
    if (!depends.empty() && !*Evaluate(depends, holds)) {
      Make(call, "Skipped", "Omitted", "omitted: depends condition not met");
      return Connect(dag, task, call.node);
    }
    if (fails_fast && PhaseOfDag(dag) == "Failed") return;
  }
  Parameters scope = Scope(dag);
  scope.merge(TaskOutputs(dag));
  std::vector<std::string> unknown;
  for (const Value& parameter : ItemsOf(call.shown.Find("inputs"), "parameters")) {
    for (const char* const given : {"default", "value"}) {
      if (parameter.Find(given) == nullptr) continue;
      call.inputs[TextAt(parameter, {"name"})] = TextAt(parameter, {given});
    }
  }
  for (const Value& parameter : ItemsOf(task.Find("arguments"), "parameters")) {
    call.inputs[TextAt(parameter, {"name"})] =
        Expand(TextAt(parameter, {"value"}), scope, &unknown);
  }
  const bool fresh = Find(call.node) == nullptr;
  if (!unknown.empty()) {
    Make(call, "Skipped", "Error", absl::StrCat("failed to resolve {{", unknown[0], "}}"));
  } else {
    Execute(call);
  }
  if (fresh && Find(call.node) != nullptr) Connect(dag, task, call.node);
}

void Operation::Connect(const Call& dag, const Value& task, const std::string& node) {
  std::vector<std::string> parents;
  for (const std::string& need : TasksOf(TextAt(task, {"depends"}))) {
    const std::string parent = absl::StrCat(dag.node, ".", need);
    const Value* const children = Find(parent)->Find("children");
    const bool retries = TextAt(*Find(parent), {"type"}) == "Retry" && !children->items.empty();
    parents.push_back(retries ? children->items.back().text : IdOf(parent));
  }
  if (parents.empty()) parents.push_back(IdOf(dag.node));
  for (const std::string& parent : parents) {
    Value& children = Member(workflow_, {"status", "nodes", parent, "children"});
    if (!children.IsArray()) children = Value::Array();
    children.items.push_back(Value::String(IdOf(node)));
  }
}

// What is left out has the phase of what it waited for.
std::string Operation::PhaseOfDag(const Call& call) {
  const std::vector<Value>& tasks = ItemsOf(call.shown.Find("dag"), "tasks");
  std::map<std::string, std::string> phases;
  std::set<std::string> targets;
  for (const Value& task : tasks) targets.insert(TextAt(task, {"name"}));
  // Tasks may stand in any order: as often as there are tasks is enough.
  for (size_t i = 0; i < tasks.size(); ++i) {
    for (const Value& task : tasks) {
      const std::string name = TextAt(task, {"name"});
      const std::set<std::string> needs = TasksOf(TextAt(task, {"depends"}));
      for (const std::string& need : needs) targets.erase(need);
      const Value* const node = Find(absl::StrCat(call.node, ".", name));
      if (node == nullptr || !IsFulfilled(*node)) continue;
      std::string phase = TextAt(*node, {"phase"});
      if (phase == "Omitted" || phase == "Skipped") {
        phase = "Succeeded";
        for (const std::string& need : needs) {
          if (HasFailed(phases[need])) phase = phases[need];
        }
      }
      phases[name] = phase;
    }
  }
  const Value* const fail_fast = call.shown.Find("dag")->Find("failFast");
  std::string result = "Succeeded";
  bool open = false;
  for (const Value& task : tasks) {
    const Value* const node = Find(absl::StrCat(call.node, ".", TextAt(task, {"name"})));
    if (node != nullptr && !IsFulfilled(*node)) return "Running";
  }
  for (const std::string& target : targets) {
    if (phases[target].empty()) open = true;
    if (HasFailed(phases[target])) result = phases[target];
  }
  const bool fails_fast = fail_fast == nullptr || fail_fast->boolean;
  return open && !(fails_fast && HasFailed(result)) ? "Running" : result;
}

Operation::Parameters Operation::TaskOutputs(const Call& dag) {
  Parameters outputs;
  for (const Value& task : ItemsOf(dag.shown.Find("dag"), "tasks")) {
    const std::string name = TextAt(task, {"name"});
    const Value* const node = Find(absl::StrCat(dag.node, ".", name));
    if (node == nullptr || !IsFulfilled(*node)) continue;
    outputs[absl::StrCat("tasks.", name, ".status")] = TextAt(*node, {"phase"});
    for (const Value& output : ItemsOf(node->Find("outputs"), "parameters")) {
      outputs[absl::StrCat("tasks.", name, ".outputs.parameters.", TextAt(output, {"name"}))] =
          TextAt(output, {"value"});
    }
  }
  return outputs;
}

void Operation::SetDagOutputs(const Call& call) {
  const Parameters scope = TaskOutputs(call);
  Value parameters = Value::Array();
  for (const Value& output : ItemsOf(call.shown.Find("outputs"), "parameters")) {
    parameters.items.push_back(
        NamedValue(TextAt(output, {"name"}),
                   Expand(TextAt(output, {"valueFrom", "parameter"}), scope, nullptr)));
  }
  if (parameters.items.empty()) return;
  Find(call.node)->Set("outputs", Value::Object({{"parameters", std::move(parameters)}}));
}

}  // namespace deps
