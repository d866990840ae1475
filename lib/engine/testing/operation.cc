#include "lib/engine/testing/operation.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "lib/engine/testing/argo_validate.h"
#include "lib/engine/testing/workflow_nodes.h"

namespace deps {
namespace {

using json::Value;

// What Argo takes of one object; etcd takes little more.
constexpr size_t kMostBytes = 1000000;

// FNV-1a, as Go's hash/fnv has it.
uint32_t Fnv32a(std::string_view text) {
  uint32_t hash = 2166136261;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619;
  return hash;
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
  for (const auto& [name, value] : call.inputs) parameters.items.push_back(NamedValue(name, value));
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
