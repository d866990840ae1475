#include "lib/engine/testing/operation.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "lib/engine/testing/argo_validate.h"

namespace deps {
namespace {

using json::Value;

// What Argo takes of one object; etcd takes little more.
constexpr size_t kMostBytes = 1000000;

const std::vector<Value>& ItemsOf(const Value* value, std::string_view key) {
  static const auto* const none = new std::vector<Value>();
  const Value* const member = value == nullptr ? nullptr : value->Find(key);
  return member == nullptr ? *none : member->items;
}

bool IsFulfilled(const Value& node) {
  const std::string phase = TextAt(node, {"phase"});
  return !phase.empty() && phase != "Pending" && phase != "Running";
}

bool HasFailed(const std::string& phase) { return phase == "Failed" || phase == "Error"; }

absl::Time TimeAt(const Value& object, const std::vector<std::string_view>& path) {
  absl::Time time;
  std::string error;
  return absl::ParseTime(absl::RFC3339_full, TextAt(object, path), &time, &error)
             ? time
             : absl::InfinitePast();
}

// "10s", "2m", or seconds as a number.
absl::Duration DurationOf(const std::string& text) {
  absl::Duration duration;
  int64_t seconds = 0;
  if (absl::SimpleAtoi(text, &seconds)) return absl::Seconds(seconds);
  return absl::ParseDuration(text, &duration) ? duration : absl::ZeroDuration();
}

// FNV-1a, as Go's hash/fnv has it.
uint32_t Fnv32a(std::string_view text) {
  uint32_t hash = 2166136261;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619;
  return hash;
}

Value ExpandAll(const Value& value, const std::map<std::string, std::string>& scope,
                std::vector<std::string>* unknown) {
  Value expanded = value;
  if (value.IsString()) expanded.text = Expand(value.text, scope, unknown);
  for (Value& item : expanded.items) item = ExpandAll(item, scope, unknown);
  for (auto& [key, item] : expanded.members) item = ExpandAll(item, scope, unknown);
  return expanded;
}

bool IsLowerName(std::string_view name) {
  return !name.empty() && name.size() <= 253 && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.';
  });
}

Value Parameter(std::string_view name, std::string_view value) {
  return Value::Object({{"name", Value::String(name)}, {"value", Value::String(value)}});
}

}  // namespace

void AddLocks(const Value& workflow, Locks* locks) {
  const Value* const status = workflow.Find("status");
  if (status == nullptr || status->Find("finishedAt") != nullptr) return;
  const Value* const synchronization = status->Find("synchronization");
  if (synchronization == nullptr) return;
  for (const Value& held : ItemsOf(synchronization->Find("mutex"), "holding")) {
    (*locks)[TextAt(held, {"mutex"})] = TextAt(held, {"holder"});
  }
}

void DeletePod(ClusterStore& store, const ObjectKey& key) {
  Value stored;
  store.Update(
      key, "",
      [](Value* pod) {
        Value& metadata = Member(*pod, {"metadata"});
        if (metadata.Find("deletionTimestamp") != nullptr) return false;
        metadata.Set("deletionTimestamp", Value::String(TimeText(absl::Now())));
        return true;
      },
      &stored);
}

Operation::Operation(ClusterStore& store, Kubelet& kubelet, Locks& locks, Value workflow)
    : store_(store),
      kubelet_(kubelet),
      locks_(locks),
      workflow_(std::move(workflow)),
      name_(TextAt(workflow_, {"metadata", "name"})),
      name_space_(TextAt(workflow_, {"metadata", "namespace"})),
      shutdown_(TextAt(workflow_, {"spec", "shutdown"})) {}

void Operation::Run() {
  if (workflow_.Find("status") != nullptr &&
      workflow_.Find("status")->Find("finishedAt") != nullptr) {
    return CleanUp();
  }
  if (TextAt(workflow_, {"status", "phase"}).empty()) {
    Value& status = Member(workflow_, {"status"});
    status.Set("startedAt", Value::String(TimeText(absl::Now())));
    status.Set("phase", Value::String("Running"));
    const std::string error = WorkflowError(workflow_);
    if (!error.empty()) {
      Finish("Error", absl::StrCat("invalid spec: ", error));
      return Store();
    }
  }
  const Value* const suspend = workflow_.Find("spec")->Find("suspend");
  if (suspend != nullptr && suspend->boolean && !IsShutDown()) return Store();
  Call call = {.node = name_,
               .display = name_,
               .shown = TemplateOf(workflow_, TextAt(workflow_, {"spec", "entrypoint"}))};
  Execute(call);
  FailWaiting();
  if (const Value* const root = Find(name_); root != nullptr && IsFulfilled(*root)) {
    const std::string phase = TextAt(*root, {"phase"});
    Finish(phase, HasFailed(phase) && IsShutDown()
                      ? absl::StrCat("Stopped with strategy '", shutdown_, "'")
                      : TextAt(*root, {"message"}));
  } else if (root == nullptr && IsShutDown()) {
    Finish("Failed", absl::StrCat("Stopped with strategy '", shutdown_, "'"));
  }
  if (json::Format(workflow_, json::Style::kCompact).size() > kMostBytes) {
    Member(workflow_, {"status"}).Set("nodes", Value::Object());
    Finish("Error", "offload node status is not supported");
  }
  Store();
}

std::string Operation::IdOf(const std::string& node) const {
  return node == name_ ? name_ : absl::StrCat(name_, "-", Fnv32a(node));
}

std::string Operation::PodName(const Call& call) const {
  if (call.node == name_) return name_;
  return absl::StrCat(absl::StrCat(name_, "-", TextAt(call.shown, {"name"})).substr(0, 242), "-",
                      Fnv32a(call.node));
}

Value* Operation::Find(const std::string& node) {
  return Member(workflow_, {"status", "nodes"}).Find(IdOf(node));
}

Value& Operation::Make(const Call& call, const std::string& type, const std::string& phase,
                       const std::string& message) {
  const std::string id = IdOf(call.node);
  Value node = Value::Object({{"id", Value::String(id)},
                              {"name", Value::String(call.node)},
                              {"displayName", Value::String(call.display)},
                              {"type", Value::String(type)},
                              {"templateName", Value::String(TextAt(call.shown, {"name"}))},
                              {"templateScope", Value::String(absl::StrCat("local/", name_))},
                              {"phase", Value::String(phase)},
                              {"startedAt", Value::String(TimeText(absl::Now()))},
                              {"progress", Value::String("0/1")}});
  if (!call.boundary.empty()) node.Set("boundaryID", Value::String(call.boundary));
  if (!message.empty()) node.Set("message", Value::String(message));
  if (call.retry >= 0) {
    node.Set("nodeFlag", Value::Object({{"retried", Value::Boolean(true)}}));
  }
  Value parameters = Value::Array();
  for (const auto& [name, value] : call.inputs) parameters.items.push_back(Parameter(name, value));
  if (!parameters.items.empty()) {
    node.Set("inputs", Value::Object({{"parameters", std::move(parameters)}}));
  }
  Value& nodes = Member(workflow_, {"status", "nodes"});
  nodes.Set(id, std::move(node));
  if (type == "Skipped") Set(call.node, phase, message);
  return *nodes.Find(id);
}

void Operation::Set(const std::string& name, const std::string& phase, const std::string& message) {
  Value& node = *Find(name);
  node.Set("phase", Value::String(phase));
  node.Set("message", Value::String(message));
  if (message.empty()) {
    std::erase_if(node.members, [](const auto& member) { return member.first == "message"; });
  }
  if (!IsFulfilled(node)) return;
  node.Set("finishedAt", Value::String(TimeText(absl::Now())));
  if (phase == "Succeeded") node.Set("progress", Value::String("1/1"));
  Release(TextAt(node, {"id"}));
}

Operation::Parameters Operation::Scope(const Call& call) const {
  Parameters scope = {{"workflow.name", name_},
                      {"workflow.namespace", name_space_},
                      {"workflow.uid", TextAt(workflow_, {"metadata", "uid"})},
                      {"node.name", call.node}};
  scope["workflow.creationTimestamp.s"] =
      absl::StrCat(absl::ToUnixSeconds(TimeAt(workflow_, {"metadata", "creationTimestamp"})));
  scope["workflow.serviceAccountName"] = TextAt(workflow_, {"spec", "serviceAccountName"});
  const Value* const arguments = workflow_.Find("spec")->Find("arguments");
  for (const Value& parameter : ItemsOf(arguments, "parameters")) {
    // A parameter's own value may name what is known of the workflow.
    scope[absl::StrCat("workflow.parameters.", TextAt(parameter, {"name"}))] =
        Expand(TextAt(parameter, {"value"}), scope, nullptr);
  }
  for (const auto& [name, value] : call.inputs) scope["inputs.parameters." + name] = value;
  if (call.shown.Find("container") != nullptr) scope["pod.name"] = PodName(call);
  if (call.retry >= 0) scope["retries"] = absl::StrCat(call.retry);
  return scope;
}

void Operation::Execute(Call call) {
  const Value* const node = Find(call.node);
  if (node != nullptr && IsFulfilled(*node)) return;
  if (node == nullptr && IsShutDown()) return;
  if (!Acquire(call)) return;
  if (call.shown.Find("retryStrategy") != nullptr) {
    ExecuteRetries(call);
  } else {
    ExecuteOnce(call);
  }
}

bool Operation::Acquire(const Call& call) {
  const std::string id = IdOf(call.node);
  const Value* const synchronization = call.shown.Find("synchronization");
  for (const Value& mutex : ItemsOf(synchronization, "mutexes")) {
    const std::string lock =
        absl::StrCat(name_space_, "/Mutex/", Expand(TextAt(mutex, {"name"}), Scope(call), nullptr));
    const auto [holder, free] = locks_.try_emplace(lock, id);
    if (holder->second == id) {
      if (!free) continue;
      Value& list = Member(workflow_, {"status", "synchronization", "mutex", "holding"});
      if (!list.IsArray()) list = Value::Array();
      list.items.push_back(
          Value::Object({{"mutex", Value::String(lock)}, {"holder", Value::String(id)}}));
      Value* const waiting = Find(call.node);
      if (waiting != nullptr) {
        std::erase_if(waiting->members,
                      [](const auto& member) { return member.first == "synchronizationStatus"; });
      }
      continue;
    }
    const std::string message = absl::StrCat("Waiting for ", lock, " lock. Lock status: 0/1");
    if (Find(call.node) == nullptr) Make(call, "Pod", "Pending", message);
    Find(call.node)->Set("synchronizationStatus",
                         Value::Object({{"waiting", Value::String(lock)}}));
    return false;
  }
  return true;
}

void Operation::Release(const std::string& id) {
  std::erase_if(locks_, [&](const auto& lock) { return lock.second == id; });
  Value* const status = workflow_.Find("status");
  if (status->Find("synchronization") == nullptr) return;
  Value& list = Member(*status, {"synchronization", "mutex", "holding"});
  std::erase_if(list.items, [&](const Value& held) { return TextAt(held, {"holder"}) == id; });
}

void Operation::ExecuteRetries(const Call& call) {
  Value* const parent = Find(call.node);
  if (parent == nullptr || TextAt(*parent, {"type"}) != "Retry") {
    Make(call, "Retry", "Running").Set("children", Value::Array());
  }
  const size_t attempts = Find(call.node)->Find("children")->items.size();
  const auto named = [&](size_t attempt) {
    Call child = call;
    child.node = absl::StrCat(call.node, "(", attempt, ")");
    child.display = absl::StrCat(call.display, "(", attempt, ")");
    child.retry = static_cast<int>(attempt);
    return child;
  };
  if (attempts > 0) {
    const Call last_call = named(attempts - 1);
    if (!IsFulfilled(*Find(last_call.node))) ExecuteOnce(last_call);
    const Value last = *Find(last_call.node);
    if (!IsFulfilled(last)) return;
    if (!HasFailed(TextAt(last, {"phase"}))) {
      if (const Value* const outputs = last.Find("outputs")) {
        Find(call.node)->Set("outputs", *outputs);
      }
      return Set(call.node, "Succeeded");
    }
    if (!IsTimeToRetry(call, last, attempts)) return;
  }
  const Call next = named(attempts);
  ExecuteOnce(next);
  if (Find(next.node) != nullptr) {
    Find(call.node)->Find("children")->items.push_back(Value::String(IdOf(next.node)));
  }
}

// Also ends the parent where there is no further attempt.
bool Operation::IsTimeToRetry(const Call& call, const Value& last, size_t attempts) {
  const Value& strategy = *call.shown.Find("retryStrategy");
  const std::string phase = TextAt(last, {"phase"});
  const std::string message = TextAt(last, {"message"});
  if (IsShutDown()) {
    Set(call.node, phase, absl::StrCat("Stopped with strategy '", shutdown_, "'"));
    return false;
  }
  const std::string policy = TextAt(strategy, {"retryPolicy"});
  const bool on_failure = policy.empty() || policy == "Always" || policy == "OnFailure";
  const bool on_error = policy == "Always" || policy == "OnError";
  int64_t limit = -1;
  if (!absl::SimpleAtoi(TextAt(strategy, {"limit"}), &limit)) limit = -1;
  const Value* const backoff = strategy.Find("backoff");
  absl::Time next = absl::InfinitePast();
  if (backoff != nullptr) {
    double factor = 1;
    if (!absl::SimpleAtod(TextAt(*backoff, {"factor"}), &factor)) factor = 1;
    absl::Duration wait = DurationOf(TextAt(*backoff, {"duration"})) *
                          std::pow(factor, static_cast<double>(attempts) - 1);
    if (backoff->Find("cap") != nullptr) {
      wait = std::min(wait, DurationOf(TextAt(*backoff, {"cap"})));
    }
    next = TimeAt(last, {"finishedAt"}) + wait;
    if (backoff->Find("maxDuration") != nullptr &&
        next > TimeAt(*Find(call.node), {"startedAt"}) +
                   DurationOf(TextAt(*backoff, {"maxDuration"}))) {
      Set(call.node, phase, "Backoff would exceed max duration limit");
      return false;
    }
    if (absl::Now() < next && limit >= 0 && static_cast<int64_t>(attempts) <= limit) {
      Set(call.node, "Running", absl::StrCat("Backoff for ", absl::FormatDuration(wait)));
      return false;
    }
    Set(call.node, "Running");
  }
  if ((phase == "Failed" && !on_failure) || (phase == "Error" && !on_error)) {
    Set(call.node, phase, message);
    return false;
  }
  if (limit >= 0 && static_cast<int64_t>(attempts) > limit) {
    Set(call.node, phase, "No more retries left");
    return false;
  }
  return true;
}

void Operation::ExecuteOnce(const Call& call) {
  if (call.shown.Find("dag") != nullptr) return ExecuteDag(call);
  const Value* const node = Find(call.node);
  // One that waited for a lock has a node and no pod.
  const bool has_pod = node != nullptr && (TextAt(*node, {"phase"}) == "Running" ||
                                           node->Find("hostNodeName") != nullptr);
  if (has_pod) return FollowPod(call);
  int64_t most = 0;
  if (absl::SimpleAtoi(TextAt(workflow_, {"spec", "parallelism"}), &most) &&
      ActivePods() >= static_cast<size_t>(most)) {
    return;
  }
  CreatePod(call);
}

size_t Operation::ActivePods() const {
  const Value* const nodes = workflow_.Find("status")->Find("nodes");
  size_t count = 0;
  for (const auto& [id, node] : nodes == nullptr ? Value().members : nodes->members) {
    if (TextAt(node, {"type"}) == "Pod" && !IsFulfilled(node) &&
        node.Find("hostNodeName") != nullptr) {
      ++count;
    }
  }
  return count;
}

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
        Parameter(TextAt(output, {"name"}),
                  Expand(TextAt(output, {"valueFrom", "parameter"}), scope, nullptr)));
  }
  if (parameters.items.empty()) return;
  Find(call.node)->Set("outputs", Value::Object({{"parameters", std::move(parameters)}}));
}

void Operation::CreatePod(const Call& call) {
  if (Find(call.node) == nullptr) Make(call, "Pod", "Pending");
  std::vector<std::string> unknown;
  const Value shown = ExpandAll(call.shown, Scope(call), &unknown);
  const std::string name = PodName(call);
  if (!unknown.empty()) {
    return Set(call.node, "Error", absl::StrCat("failed to resolve {{", unknown[0], "}}"));
  }
  if (!IsLowerName(name)) {
    return Set(call.node, "Error",
               absl::StrCat("Pod \"", name, "\" is invalid: metadata.name: Invalid value: \"", name,
                            "\": a lowercase RFC 1123 subdomain must consist of lower case "
                            "alphanumeric characters, '-' or '.', and must start and end with an "
                            "alphanumeric character"));
  }
  const Value& wf_spec = *workflow_.Find("spec");
  Value main = *shown.Find("container");
  main.Set("name", Value::String("main"));
  Value spec = Value::Object(
      {{"restartPolicy", Value::String("Never")},
       {"serviceAccountName", Value::String(TextAt(wf_spec, {"serviceAccountName"}))},
       {"containers", Value::Array({Value::Object({{"name", Value::String("wait")},
                                                   {"image", Value::String("argoexec")}}),
                                    std::move(main)})}});
  if (const Value* const init = shown.Find("initContainers")) spec.Set("initContainers", *init);
  Value volumes = Value::Array();
  for (const Value* const owner : {&wf_spec, &shown}) {
    for (const Value& volume : ItemsOf(owner, "volumes")) volumes.items.push_back(volume);
  }
  spec.Set("volumes", std::move(volumes));
  if (const Value* const inputs = shown.Find("inputs"); inputs != nullptr) {
    if (const Value* const artifacts = inputs->Find("artifacts")) spec.Set("artifacts", *artifacts);
  }
  int64_t seconds = 0;
  if (absl::SimpleAtoi(TextAt(shown, {"activeDeadlineSeconds"}), &seconds)) {
    spec.Set("activeDeadlineSeconds", Value::Integer(seconds));
  }
  Value metadata = Value::Object();
  if (const Value* const given = shown.Find("metadata")) metadata = *given;
  Member(metadata, {"labels"})
      .Set("workflows.argoproj.io/workflow", Value::String(name_))
      .Set("workflows.argoproj.io/completed", Value::String("false"));
  Member(metadata, {"annotations"})
      .Set("workflows.argoproj.io/node-id", Value::String(IdOf(call.node)))
      .Set("workflows.argoproj.io/node-name", Value::String(call.node));
  metadata.Set("ownerReferences",
               Value::Array({Value::Object(
                   {{"apiVersion", Value::String("argoproj.io/v1alpha1")},
                    {"kind", Value::String("Workflow")},
                    {"name", Value::String(name_)},
                    {"controller", Value::Boolean(true)},
                    {"uid", Value::String(TextAt(workflow_, {"metadata", "uid"}))}})}));
  Value stored;
  const ObjectKey key = {"pods", name_space_, name};
  // One that is there already was made before this process ended.
  store_.Create(key,
                Value::Object({{"apiVersion", Value::String("v1")},
                               {"kind", Value::String("Pod")},
                               {"metadata", std::move(metadata)},
                               {"spec", std::move(spec)},
                               {"status", Value::Object({{"phase", Value::String("Pending")}})}}),
                &stored);
  Set(call.node, "Pending");
  Find(call.node)->Set("hostNodeName", Value::String("node-1"));
}

void Operation::FollowPod(const Call& call) {
  const ObjectKey key = {"pods", name_space_, PodName(call)};
  const auto pod = store_.Get(key);
  if (!pod) return Set(call.node, "Error", "pod deleted");
  const std::string phase = TextAt(*pod, {"status", "phase"});
  if (phase == "Succeeded") return TakeOutputs(call, *pod, 0);
  if (phase == "Failed") {
    const auto [node_phase, message] = ReasonOf(*pod);
    TakeOutputs(call, *pod, 1);
    return Set(call.node, node_phase, message);
  }
  if (IsShutDown()) {
    kubelet_.Terminate(key);
    return Set(call.node, "Failed", absl::StrCat("workflow shutdown with strategy:  ", shutdown_));
  }
  int64_t seconds = 0;
  if (absl::SimpleAtoi(TextAt(workflow_, {"spec", "activeDeadlineSeconds"}), &seconds) &&
      absl::Now() > TimeAt(workflow_, {"status", "startedAt"}) + absl::Seconds(seconds)) {
    kubelet_.Terminate(key);
    return Set(call.node, "Failed", "Step exceeded its deadline");
  }
  std::string message;
  for (const char* const list : {"initContainerStatuses", "containerStatuses"}) {
    for (const Value& status : ItemsOf(pod->Find("status"), list)) {
      const std::string reason = TextAt(status, {"state", "waiting", "reason"});
      const std::string why = TextAt(status, {"state", "waiting", "message"});
      if (!why.empty()) message = absl::StrCat(reason, ": ", why);
    }
  }
  if (TextAt(*Find(call.node), {"phase"}) != phase ||
      TextAt(*Find(call.node), {"message"}) != message) {
    Set(call.node, phase, message);
  }
}

std::pair<std::string, std::string> Operation::ReasonOf(const Value& pod) const {
  const std::string message = TextAt(pod, {"status", "message"});
  if (!message.empty()) return {"Failed", message};
  for (const char* const list : {"initContainerStatuses", "containerStatuses"}) {
    for (const Value& status : ItemsOf(pod.Find("status"), list)) {
      const Value* const state = status.Find("state");
      const Value* const end = state == nullptr ? nullptr : state->Find("terminated");
      if (end == nullptr || TextAt(*end, {"exitCode"}) == "0") continue;
      const std::string last_words = TextAt(*end, {"message"});
      return {"Failed", absl::StrCat(TextAt(status, {"name"}), ": ", TextAt(*end, {"reason"}),
                                     " (exit code ", TextAt(*end, {"exitCode"}), ")",
                                     last_words.empty() ? "" : ": ", last_words)};
    }
  }
  return {"Failed", "pod failed: neither main nor wait container completed successfully"};
}

void Operation::TakeOutputs(const Call& call, const Value& pod, int exit_code) {
  Value parameters = Value::Array();
  for (const Value& output : ItemsOf(call.shown.Find("outputs"), "parameters")) {
    const Value* const from = output.Find("valueFrom");
    const std::string path = TextAt(*from, {"path"});
    std::optional<std::string> value = kubelet_.FileOf(pod, path);
    if (!value && from->Find("default") != nullptr) value = TextAt(*from, {"default"});
    if (!value && exit_code != 0) return;
    if (!value) {
      return Set(
          call.node, "Error",
          absl::StrCat("wait: Error (exit code 64): open ", path, ": no such file or directory"));
    }
    // Argo takes one newline away "for user convenience".
    if (absl::EndsWith(*value, "\n")) value->pop_back();
    Value parameter = Parameter(TextAt(output, {"name"}), *value);
    parameter.Set("valueFrom", *from);
    parameters.items.push_back(std::move(parameter));
  }
  Value outputs = Value::Object();
  if (!parameters.items.empty()) outputs.Set("parameters", std::move(parameters));
  for (const Value& status : ItemsOf(pod.Find("status"), "containerStatuses")) {
    if (TextAt(status, {"name"}) != "main") continue;
    outputs.Set("exitCode", Value::String(TextAt(status, {"state", "terminated", "exitCode"})));
  }
  Find(call.node)->Set("outputs", std::move(outputs));
  if (exit_code == 0) Set(call.node, "Succeeded");
}

// What waits for a lock when the workflow is shut down.
void Operation::FailWaiting() {
  if (!IsShutDown()) return;
  std::vector<std::string> waiting;
  for (const auto& [id, node] : Member(workflow_, {"status", "nodes"}).members) {
    if (!IsFulfilled(node) &&
        (node.Find("synchronizationStatus") != nullptr || TextAt(node, {"type"}) == "Retry")) {
      waiting.push_back(TextAt(node, {"name"}));
    }
  }
  for (const std::string& name : waiting) {
    Set(name, "Failed", absl::StrCat("Stopped with strategy '", shutdown_, "'"));
  }
}

void Operation::Finish(const std::string& phase, const std::string& message) {
  Value& status = Member(workflow_, {"status"});
  status.Set("phase", Value::String(phase));
  if (!message.empty()) status.Set("message", Value::String(message));
  status.Set("finishedAt", Value::String(TimeText(absl::Now())));
  status.Set("conditions", Value::Array({Value::Object({{"type", Value::String("Completed")},
                                                        {"status", Value::String("True")}})}));
  Member(workflow_, {"metadata", "labels"})
      .Set("workflows.argoproj.io/completed", Value::String("true"));
  for (const auto& [id, node] : Member(workflow_, {"status", "nodes"}).members) Release(id);
}

// Pods that podGC lets go, and the workflow itself where its time is over.
void Operation::CleanUp() {
  const absl::Time ended = TimeAt(workflow_, {"status", "finishedAt"});
  const bool succeeded = TextAt(workflow_, {"status", "phase"}) == "Succeeded";
  const std::string strategy = TextAt(workflow_, {"spec", "podGC", "strategy"});
  const std::string delay = TextAt(workflow_, {"spec", "podGC", "deleteDelayDuration"});
  const bool all = strategy == "OnWorkflowCompletion" || strategy == "OnPodCompletion" ||
                   (succeeded && !strategy.empty());
  if (all && absl::Now() > ended + DurationOf(delay.empty() ? "5s" : delay)) {
    for (const Value& pod : store_.List("pods", name_space_, nullptr)) {
      if (TextAt(pod, {"metadata", "labels", "workflows.argoproj.io/workflow"}) == name_) {
        DeletePod(store_, {"pods", name_space_, TextAt(pod, {"metadata", "name"})});
      }
    }
  }
  int64_t seconds = 0;
  for (const char* const when :
       {"secondsAfterCompletion", succeeded ? "secondsAfterSuccess" : "secondsAfterFailure"}) {
    if (absl::SimpleAtoi(TextAt(workflow_, {"spec", "ttlStrategy", when}), &seconds) &&
        absl::Now() > ended + absl::Seconds(seconds)) {
      Value last;
      store_.Delete({"workflows", name_space_, name_}, &last);
      return;
    }
  }
}

void Operation::Store() {
  Value stored;
  const std::string phase = TextAt(workflow_, {"status", "phase"});
  Member(workflow_, {"metadata", "labels"})
      .Set("workflows.argoproj.io/phase", Value::String(phase));
  store_.Update(
      {"workflows", name_space_, name_}, "",
      [&](Value* object) {
        object->Set("status", *workflow_.Find("status"));
        Member(*object, {"metadata"}).Set("labels", *workflow_.Find("metadata")->Find("labels"));
        return true;
      },
      &stored);
}

}  // namespace deps
