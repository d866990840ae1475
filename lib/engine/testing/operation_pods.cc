// Pods of templates, and what becomes of them.
#include <algorithm>
#include <optional>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "lib/engine/testing/argo_validate.h"
#include "lib/engine/testing/operation.h"
#include "lib/engine/testing/workflow_nodes.h"

namespace deps {

using json::Value;

namespace {

Value ExpandAll(const Value& value, const std::map<std::string, std::string>& scope,
                std::vector<std::string>* unknown) {
  Value expanded = value;
  if (value.IsString()) expanded.text = Expand(value.text, scope, unknown);
  for (Value& item : expanded.items) item = ExpandAll(item, scope, unknown);
  for (auto& [key, item] : expanded.members) item = ExpandAll(item, scope, unknown);
  return expanded;
}

// The volume with the token of Argo's executor: it has to exist under this name.
Value TokenOf(std::string_view account) {
  return Value::Object(
      {{"name", Value::String("exec-sa-token")},
       {"secret", Value::Object({{"secretName", Value::String(absl::StrCat(
                                                    account, ".service-account-token"))}})}});
}

bool IsLowerName(std::string_view name) {
  return !name.empty() && name.size() <= 253 && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.';
  });
}

}  // namespace

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
  const std::string account = TextAt(wf_spec, {"serviceAccountName"});
  if (!account.empty() && !store_.Get({"serviceaccounts", name_space_, account})) {
    return Set(
        call.node, "Error",
        absl::StrCat("pods \"", name, "\" is forbidden: error looking up service account ",
                     name_space_, "/", account, ": serviceaccount \"", account, "\" not found"));
  }
  Value main = *shown.Find("container");
  main.Set("name", Value::String("main"));
  Value spec = Value::Object(
      {{"restartPolicy", Value::String("Never")},
       {"serviceAccountName", Value::String(account)},
       {"containers", Value::Array({Value::Object({{"name", Value::String("wait")},
                                                   {"image", Value::String("argoexec")}}),
                                    std::move(main)})}});
  if (const Value* const init = shown.Find("initContainers")) spec.Set("initContainers", *init);
  Value volumes = Value::Array();
  for (const Value* const owner : {&wf_spec, &shown}) {
    for (const Value& volume : ItemsOf(owner, "volumes")) volumes.items.push_back(volume);
  }
  if (const std::string executor = TextAt(wf_spec, {"executor", "serviceAccountName"});
      !executor.empty()) {
    volumes.items.push_back(TokenOf(executor));
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
    Value parameter = NamedValue(TextAt(output, {"name"}), *value);
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

}  // namespace deps
