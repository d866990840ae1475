#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "lib/engine/testing/argo_fields.h"
#include "lib/engine/testing/argo_validate.h"
#include "lib/engine/testing/cluster_api.h"

namespace deps {
namespace {

using json::Value;

// Of gRPC.
enum Code { kInvalid = 3, kNotFound = 5, kExists = 6, kDenied = 7, kUnknownAuth = 16 };

int StatusOf(Code code) {
  switch (code) {
    case kInvalid:
      return 400;
    case kNotFound:
      return 404;
    case kExists:
      return 409;
    case kDenied:
      return 403;
    case kUnknownAuth:
      return 401;
  }
  return 500;
}

void SendJson(Reply& reply, const Value& body) {
  reply.Send(200, "application/json", json::Format(body, json::Style::kCompact));
}

void Refuse(Reply& reply, Code code, std::string_view message) {
  reply.Send(StatusOf(code), "application/json",
             json::Format(Value::Object({{"code", Value::Integer(code)},
                                         {"message", Value::String(message)},
                                         {"details", Value::Array()}}),
                          json::Style::kCompact));
}

// The parts of `object` that "a.b,c" names.
Value PartsOf(const Value& object, const std::string& fields) {
  Value parts = Value::Object();
  for (const std::string_view field : absl::StrSplit(fields, ',', absl::SkipEmpty())) {
    const std::vector<std::string_view> path = absl::StrSplit(field, '.');
    const Value* from = &object;
    for (const std::string_view step : path) {
      from = from == nullptr ? nullptr : from->Find(step);
    }
    if (from == nullptr) continue;
    Value& owner = Member(parts, {path.begin(), path.end() - 1});
    owner.Set(path.back(), *from);
  }
  return parts;
}

std::string NotFoundText(const ObjectKey& key) {
  return absl::StrCat("workflows.argoproj.io \"", key.name, "\" not found");
}

}  // namespace

void ClusterApi::ArgoServer(const ServerRequest& request, Reply& reply) {
  const std::vector<std::string> steps = absl::StrSplit(request.path, '/');
  if (steps.size() < 4 || steps[1] != "api" || steps[2] != "v1") {
    // Argo's user interface answers every other path.
    return reply.Send(200, "text/html", "<!doctype html><title>Argo</title>");
  }
  const std::optional<Caller> caller = CallerOf(request);
  if (!caller || caller->role == Caller::Role::kAccount) {
    return Refuse(reply, kUnknownAuth,
                  "token not valid. see https://argo-workflows.readthedocs.io");
  }
  if (steps[3] == "version") {
    return SendJson(reply, Value::Object({{"version", Value::String("v4.1.0")},
                                          {"platform", Value::String("linux/amd64")}}));
  }
  if (steps[3] == "info") {
    return SendJson(
        reply, Value::Object({{"managedNamespace", Value::String("")}, {"links", Value::Array()}}));
  }
  if (steps.size() < 5) return Refuse(reply, kNotFound, "Not Found");
  ObjectKey key = {"workflows", steps[4], steps.size() > 5 ? steps[5] : ""};
  const bool writes = request.method != "GET" && key.name != "lint";
  if (!May(*caller, writes ? "create" : "get", "workflows", key.name_space) ||
      (steps.size() > 6 && steps[6] == "log" && !May(*caller, "get", "pods/log", key.name_space))) {
    return Refuse(reply, kDenied, "Permission denied");
  }
  if (steps[3] == "workflow-events" && request.method == "GET" && steps.size() == 5) {
    return ArgoEvents(request, key.name_space, reply);
  }
  if (steps[3] != "workflows") return Refuse(reply, kNotFound, "Not Found");
  if (request.method == "POST" && (key.name.empty() || key.name == "lint")) {
    return ArgoCreate(request, key.name_space, key.name == "lint", reply);
  }
  if (request.method == "GET" && steps.size() <= 6) return ArgoGet(request, key, reply);
  if (request.method == "GET" && steps[6] == "log") return ArgoLog(request, key, reply);
  if (request.method == "PUT" && steps.size() == 7) return ArgoChange(key, steps[6], reply);
  if (request.method == "DELETE" && steps.size() == 6) return ArgoChange(key, "delete", reply);
  Refuse(reply, kNotFound, "Not Found");
}

void ClusterApi::ArgoCreate(const ServerRequest& request, const std::string& name_space, bool lint,
                            Reply& reply) {
  const absl::StatusOr<Value> body = json::Parse({.name = "body", .text = request.body});
  const Value* const workflow = body.ok() ? body->Find("workflow") : nullptr;
  if (workflow == nullptr || !workflow->IsObject()) {
    return Refuse(reply, kInvalid, "workflow body not specified");
  }
  for (const auto& [key, value] : body->members) {
    static const std::set<std::string>* const known = new std::set<std::string>{
        "workflow", "namespace", "serverDryRun", "instanceID", "createOptions"};
    if (!known->contains(key)) {
      return Refuse(reply, kInvalid, absl::StrCat("unknown field \"", key, "\""));
    }
  }
  if (!options_.name_spaces.contains(name_space)) {
    return Refuse(reply, kNotFound, absl::StrCat("namespaces \"", name_space, "\" not found"));
  }
  Value object = *workflow;
  // Whoever sends JSON to Argo Server may leave these out.
  object.Set("apiVersion", Value::String("argoproj.io/v1alpha1"));
  object.Set("kind", Value::String("Workflow"));
  std::vector<std::string> errors = FieldErrors(object, "Workflow");
  if (errors.empty() && request.body.size() > 1000000) errors = {"Request entity too large"};
  if (errors.empty()) {
    const std::string error = WorkflowError(object);
    if (!error.empty()) errors = {error};
  }
  if (!errors.empty()) return Refuse(reply, kInvalid, absl::StrJoin(errors, ", "));
  const Value* const dry = body->Find("serverDryRun");
  if (lint || (dry != nullptr && dry->boolean)) return SendJson(reply, object);
  const ObjectKey key = {"workflows", name_space, TextAt(object, {"metadata", "name"})};
  Value stored;
  if (store_.Create(key, object, &stored) == StoreResult::kExists) {
    return Refuse(reply, kExists,
                  absl::StrCat("workflows.argoproj.io \"", key.name, "\" already exists"));
  }
  SendJson(reply, stored);
}

void ClusterApi::ArgoGet(const ServerRequest& request, const ObjectKey& key, Reply& reply) {
  const std::string fields = request.Query("fields");
  if (key.name.empty()) {
    int64_t version = 0;
    Value items = Value::Array();
    for (const Value& object : store_.List("workflows", key.name_space, &version)) {
      if (MatchesSelectors(object, request.Query("listOptions.labelSelector"),
                           request.Query("listOptions.fieldSelector"))) {
        items.items.push_back(object);
      }
    }
    const Value list = Value::Object(
        {{"metadata", Value::Object({{"resourceVersion", Value::String(absl::StrCat(version))}})},
         {"items", std::move(items)}});
    return SendJson(reply, fields.empty() ? list : PartsOf(list, fields));
  }
  const auto object = store_.Get(key);
  if (!object) return Refuse(reply, kNotFound, NotFoundText(key));
  SendJson(reply, fields.empty() ? *object : PartsOf(*object, fields));
}

void ClusterApi::ArgoChange(const ObjectKey& key, const std::string& verb, Reply& reply) {
  Value stored;
  if (verb == "delete") {
    if (store_.Delete(key, &stored) == StoreResult::kAbsent) {
      return Refuse(reply, kNotFound, NotFoundText(key));
    }
    return SendJson(reply, Value::Object());
  }
  const bool shuts_down = verb == "stop" || verb == "terminate";
  if (!shuts_down && verb != "suspend" && verb != "resume") {
    return Refuse(reply, kNotFound, "Not Found");
  }
  bool ended = false;
  const StoreResult result = store_.Update(
      key, "",
      [&](Value* object) {
        ended = !TextAt(*object, {"status", "finishedAt"}).empty();
        if (ended) return false;
        Value& spec = Member(*object, {"spec"});
        if (shuts_down) {
          spec.Set("shutdown", Value::String(verb == "stop" ? "Stop" : "Terminate"));
        } else {
          spec.Set("suspend", Value::Boolean(verb == "suspend"));
        }
        return true;
      },
      &stored);
  if (result == StoreResult::kAbsent) return Refuse(reply, kNotFound, NotFoundText(key));
  if (ended) return Refuse(reply, kInvalid, "cannot shutdown a completed workflow");
  SendJson(reply, stored);
}

void ClusterApi::ArgoEvents(const ServerRequest& request, const std::string& name_space,
                            Reply& reply) {
  const bool sse = absl::StrContains(request.Header("accept"), "text/event-stream");
  reply.Begin(sse ? "text/event-stream" : "application/json");
  const auto send = [&](std::string_view type, const Value& object) {
    if (TextAt(object, {"metadata", "namespace"}) != name_space ||
        !MatchesSelectors(object, request.Query("listOptions.labelSelector"),
                          request.Query("listOptions.fieldSelector"))) {
      return reply.IsOpen();
    }
    const std::string text = json::Format(
        Value::Object(
            {{"result", Value::Object({{"type", Value::String(type)}, {"object", object}})}}),
        json::Style::kCompact);
    return reply.Write(sse ? absl::StrCat("data: ", text, "\n") : text);
  };
  int64_t version = 0;
  if (!absl::SimpleAtoi(request.Query("listOptions.resourceVersion"), &version) || version == 0) {
    for (const Value& object : store_.List("workflows", name_space, &version)) {
      send("ADDED", object);
    }
  }
  while (reply.IsOpen()) {
    const auto changes = store_.Changes("workflows", &version, absl::Milliseconds(100));
    if (!changes) return;
    for (const ObjectChange& change : *changes) {
      if (!send(change.type, change.object)) return;
    }
  }
}

void ClusterApi::ArgoLog(const ServerRequest& request, const ObjectKey& key, Reply& reply) {
  if (!store_.Get(key)) return Refuse(reply, kNotFound, NotFoundText(key));
  int64_t tail = -1;
  if (!absl::SimpleAtoi(request.Query("logOptions.tailLines"), &tail)) tail = -1;
  const bool sse = absl::StrContains(request.Header("accept"), "text/event-stream");
  std::string container = request.Query("logOptions.container");
  if (container.empty()) container = "main";
  reply.Begin(sse ? "text/event-stream" : "application/json");
  for (const Value& pod : store_.List("pods", key.name_space, nullptr)) {
    const std::string name = TextAt(pod, {"metadata", "name"});
    const std::string wanted = request.Query("podName");
    if (TextAt(pod, {"metadata", "labels", "workflows.argoproj.io/workflow"}) != key.name ||
        (!wanted.empty() && wanted != name)) {
      continue;
    }
    StreamLog({"pods", key.name_space, name}, container,
              request.Query("logOptions.follow") == "true", tail,
              [&](absl::Time, const std::string& line) {
                if (line.empty()) return reply.IsOpen();
                std::string content = line;
                if (absl::EndsWith(content, "\n")) content.pop_back();
                const std::string text = json::Format(
                    Value::Object({{"result", Value::Object({{"content", Value::String(content)},
                                                             {"podName", Value::String(name)}})}}),
                    json::Style::kCompact);
                return reply.Write(sse ? absl::StrCat("data: ", text, "\n") : text);
              });
  }
}

}  // namespace deps
