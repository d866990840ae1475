#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "lib/engine/testing/argo_fields.h"
#include "lib/engine/testing/cluster_api.h"
#include "lib/engine/testing/operation.h"

namespace deps {
namespace {

using json::Value;

constexpr size_t kMostBytes = 1000000;
constexpr absl::Duration kBookmarkEvery = absl::Seconds(1);

struct Resource {
  std::string_view prefix;  // Of the path, up to the namespaces.
  std::string_view plural;
  std::string_view kind;
  std::string_view api_version;
};

constexpr Resource kResources[] = {
    {"/apis/argoproj.io/v1alpha1", "workflows", "Workflow", "argoproj.io/v1alpha1"},
    {"/api/v1", "pods", "Pod", "v1"},
    {"/api/v1", "secrets", "Secret", "v1"},
    {"/apis/coordination.k8s.io/v1", "leases", "Lease", "coordination.k8s.io/v1"},
};

void SendJson(Reply& reply, int status, const Value& body) {
  reply.Send(status, "application/json", json::Format(body, json::Style::kCompact));
}

Value StatusOf(int code, std::string_view reason, std::string_view message) {
  return Value::Object({{"kind", Value::String("Status")},
                        {"apiVersion", Value::String("v1")},
                        {"metadata", Value::Object()},
                        {"status", Value::String("Failure")},
                        {"message", Value::String(message)},
                        {"reason", Value::String(reason)},
                        {"code", Value::Integer(code)}});
}

void Refuse(Reply& reply, int code, std::string_view reason, std::string_view message) {
  SendJson(reply, code, StatusOf(code, reason, message));
}

bool IsObjectName(std::string_view name) {
  return !name.empty() && name.size() <= 253 && name.front() != '-' && name.back() != '-' &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.';
         });
}

std::string VerbOf(const ServerRequest& request, bool named) {
  if (request.method == "POST") return "create";
  if (request.method == "PATCH") return "patch";
  if (request.method == "PUT") return "update";
  if (request.method == "DELETE") return "delete";
  if (named) return "get";
  const std::string watch = request.Query("watch");
  return watch == "1" || watch == "true" ? "watch" : "list";
}

}  // namespace

struct ClusterApi::Target {
  const Resource* resource = nullptr;
  ObjectKey key;
  std::string sub;  // "log", "status"
  std::string quoted() const {
    return absl::StrCat(resource->plural, resource->prefix == "/api/v1" ? "" : ".argoproj.io",
                        " \"", key.name, "\"");
  }
};

bool MatchesSelectors(const Value& object, const std::string& labels, const std::string& fields) {
  for (const bool of_labels : {true, false}) {
    for (const std::string_view term :
         absl::StrSplit(of_labels ? labels : fields, ',', absl::SkipEmpty())) {
      const bool differs = absl::StrContains(term, "!=");
      const size_t at = term.find(differs ? "!=" : "=");
      const std::string key(term.substr(0, std::min(at, term.size())));
      std::string wanted(at == std::string_view::npos ? "" : term.substr(at + (differs ? 2 : 1)));
      if (!differs && absl::StartsWith(wanted, "=")) wanted.erase(0, 1);
      std::vector<std::string> path = {"metadata", "labels", key};
      if (!of_labels) path = absl::StrSplit(key, '.');
      const std::string found =
          TextAt(object, std::vector<std::string_view>(path.begin(), path.end()));
      if (at == std::string_view::npos ? found.empty() : (found == wanted) == differs) return false;
    }
  }
  return true;
}

std::optional<Caller> ClusterApi::CallerOf(const ServerRequest& request) const {
  const std::string header = request.Header("authorization");
  if (!absl::StartsWith(header, "Bearer ")) return std::nullopt;
  const std::string token = header.substr(7);
  if (token == options_.admin_token) return Caller{.role = Caller::Role::kAdmin};
  if (!options_.reader_token.empty() && token == options_.reader_token) {
    return Caller{.role = Caller::Role::kReader};
  }
  const auto account = store_.Get({"tokens", "-", token});
  // A token for another audience is none for this server.
  if (!account || !TextAt(*account, {"audience"}).empty()) return std::nullopt;
  return Caller{.role = Caller::Role::kAccount, .name_space = TextAt(*account, {"namespace"})};
}

bool ClusterApi::May(const Caller& caller, const std::string& verb, const std::string& resource,
                     const std::string& name_space) const {
  switch (caller.role) {
    case Caller::Role::kAdmin:
      return true;
    case Caller::Role::kReader:
      return (verb == "get" || verb == "list" || verb == "watch") &&
             (resource == "workflows" || resource == "pods");
    case Caller::Role::kAccount:
      return name_space == caller.name_space &&
             ((resource == "leases" && (verb == "get" || verb == "create")) ||
              (resource == "secrets" && verb == "get"));
  }
  return false;
}

void ClusterApi::Kubernetes(const ServerRequest& request, Reply& reply) {
  const std::optional<Caller> caller = CallerOf(request);
  if (!caller) return Refuse(reply, 401, "Unauthorized", "Unauthorized");
  if (request.path == "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews") {
    return ReviewAccess(request, *caller, reply);
  }
  for (const Resource& resource : kResources) {
    if (!absl::StartsWith(request.path, absl::StrCat(resource.prefix, "/"))) continue;
    const std::vector<std::string> steps =
        absl::StrSplit(request.path.substr(resource.prefix.size() + 1), '/');
    Target target = {.resource = &resource};
    target.key.kind = std::string(resource.plural);
    if (steps[0] == resource.plural && steps.size() == 1) {
      // All namespaces.
    } else if (steps[0] == "namespaces" && steps.size() >= 3 && steps[2] == resource.plural &&
               steps.size() <= 5) {
      target.key.name_space = steps[1];
      if (steps.size() > 3) target.key.name = steps[3];
      if (steps.size() > 4) target.sub = steps[4];
    } else {
      continue;
    }
    const std::string verb = VerbOf(request, !target.key.name.empty());
    const std::string full =
        target.sub.empty() ? target.key.kind : absl::StrCat(target.key.kind, "/", target.sub);
    if (!May(*caller, verb, full, target.key.name_space)) {
      return Refuse(reply, 403, "Forbidden",
                    absl::StrCat(full, " is forbidden: User cannot ", verb, " resource \"", full,
                                 "\" in the namespace \"", target.key.name_space, "\""));
    }
    return Objects(request, target, reply);
  }
  Discover(request, reply);
}

void ClusterApi::Discover(const ServerRequest& request, Reply& reply) {
  if (request.path == "/version") {
    return SendJson(reply, 200,
                    Value::Object({{"major", Value::String("1")},
                                   {"minor", Value::String("33")},
                                   {"gitVersion", Value::String("v1.33.1")},
                                   {"platform", Value::String("linux/amd64")}}));
  }
  const Value verbs =
      Value::Strings({"create", "delete", "get", "list", "patch", "update", "watch"});
  if (request.path == "/apis/argoproj.io/v1alpha1") {
    return SendJson(
        reply, 200,
        Value::Object(
            {{"kind", Value::String("APIResourceList")},
             {"apiVersion", Value::String("v1")},
             {"groupVersion", Value::String("argoproj.io/v1alpha1")},
             {"resources", Value::Array({Value::Object({{"name", Value::String("workflows")},
                                                        {"singularName", Value::String("workflow")},
                                                        {"namespaced", Value::Boolean(true)},
                                                        {"kind", Value::String("Workflow")},
                                                        {"verbs", verbs}})})}}));
  }
  if (request.path ==
      "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/"
      "workflows.argoproj.io") {
    return SendJson(
        reply, 200,
        Value::Object(
            {{"kind", Value::String("CustomResourceDefinition")},
             {"apiVersion", Value::String("apiextensions.k8s.io/v1")},
             {"metadata", Value::Object({{"name", Value::String("workflows.argoproj.io")}})},
             {"spec", Value::Object({{"group", Value::String("argoproj.io")},
                                     {"scope", Value::String("Namespaced")}})}}));
  }
  reply.Send(404, "text/plain; charset=utf-8", "404 page not found\n");
}

void ClusterApi::ReviewAccess(const ServerRequest& request, const Caller& caller, Reply& reply) {
  const absl::StatusOr<Value> review = json::Parse({.name = "body", .text = request.body});
  if (request.method != "POST" || !review.ok()) {
    return Refuse(reply, 400, "BadRequest", "no SelfSubjectAccessReview");
  }
  const auto asked = [&](std::string_view what) {
    return TextAt(*review, {"spec", "resourceAttributes", what});
  };
  const std::string sub = asked("subresource");
  const std::string resource =
      sub.empty() ? asked("resource") : absl::StrCat(asked("resource"), "/", sub);
  Value answer = *review;
  answer.Set(
      "status",
      Value::Object(
          {{"allowed", Value::Boolean(May(caller, asked("verb"), resource, asked("namespace")))}}));
  SendJson(reply, 201, answer);
}

void ClusterApi::Objects(const ServerRequest& request, const Target& target, Reply& reply) {
  if (target.sub == "log" && target.key.kind == "pods" && request.method == "GET") {
    return PodLog(request, target, reply);
  }
  if (!target.sub.empty()) {
    return Refuse(reply, 404, "NotFound", "the server could not find the requested resource");
  }
  const std::string verb = VerbOf(request, !target.key.name.empty());
  if (verb == "create") return Create(request, target, reply);
  if (verb == "list") return List(request, target, reply);
  if (verb == "watch") return Watch(request, target, reply);
  if (verb == "delete") return Delete(target, reply);
  if (verb != "get") return Change(request, target, reply);
  const auto object = store_.Get(target.key);
  if (object) return SendJson(reply, 200, *object);
  Refuse(reply, 404, "NotFound", absl::StrCat(target.quoted(), " not found"));
}

void ClusterApi::Create(const ServerRequest& request, const Target& target, Reply& reply) {
  if (request.Header("content-type").find("application/json") != 0) {
    return Refuse(reply, 415, "UnsupportedMediaType",
                  "the body of the request was in an unknown format");
  }
  if (!options_.name_spaces.contains(target.key.name_space)) {
    return Refuse(reply, 404, "NotFound",
                  absl::StrCat("namespaces \"", target.key.name_space, "\" not found"));
  }
  const absl::StatusOr<Value> object = json::Parse({.name = "body", .text = request.body});
  if (!object.ok() || !object->IsObject()) {
    return Refuse(reply, 400, "BadRequest", "the object provided is unrecognized");
  }
  if (request.body.size() > kMostBytes) {
    return Refuse(reply, 413, "RequestEntityTooLarge", "etcdserver: request is too large");
  }
  if (TextAt(*object, {"apiVersion"}) != target.resource->api_version ||
      TextAt(*object, {"kind"}) != target.resource->kind) {
    return Refuse(reply, 400, "BadRequest",
                  absl::StrCat("the API version or kind does not match ", target.key.kind));
  }
  if (target.key.kind == "workflows" || target.key.kind == "leases") {
    const std::vector<std::string> errors = FieldErrors(*object, target.resource->kind);
    if (!errors.empty()) {
      return Refuse(
          reply, 400, "BadRequest",
          absl::StrCat(target.resource->kind, " in version \"v1\" cannot be handled as a ",
                       target.resource->kind,
                       ": strict decoding error: ", absl::StrJoin(errors, ", ")));
    }
  }
  ObjectKey key = target.key;
  key.name = TextAt(*object, {"metadata", "name"});
  if (const std::string front = TextAt(*object, {"metadata", "generateName"});
      key.name.empty() && !front.empty()) {
    key.name = absl::StrCat(front, RandomUid().substr(0, 5));
  }
  const std::string name_space = TextAt(*object, {"metadata", "namespace"});
  if (!name_space.empty() && name_space != key.name_space) {
    return Refuse(reply, 400, "BadRequest",
                  "the namespace of the provided object does not match the namespace sent on the "
                  "request");
  }
  if (!IsObjectName(key.name)) {
    return Refuse(reply, 422, "Invalid",
                  absl::StrCat(target.resource->kind, " \"", key.name,
                               "\" is invalid: metadata.name: Invalid value"));
  }
  if (request.Query("dryRun") == "All") return SendJson(reply, 201, *object);
  Value stored;
  if (store_.Create(key, *object, &stored) == StoreResult::kExists) {
    Target there = target;
    there.key = key;
    return Refuse(reply, 409, "AlreadyExists", absl::StrCat(there.quoted(), " already exists"));
  }
  SendJson(reply, 201, stored);
}

void ClusterApi::List(const ServerRequest& request, const Target& target, Reply& reply) {
  int64_t version = 0;
  const std::vector<Value> all = store_.List(target.key.kind, target.key.name_space, &version);
  Value items = Value::Array();
  for (const Value& object : all) {
    if (MatchesSelectors(object, request.Query("labelSelector"), request.Query("fieldSelector"))) {
      items.items.push_back(object);
    }
  }
  Value metadata = Value::Object({{"resourceVersion", Value::String(absl::StrCat(version))}});
  size_t limit = 0;
  size_t from = 0;
  // A page ends with the number of the next object.
  if (absl::SimpleAtoi(request.Query("limit"), &limit) && limit > 0) {
    if (!absl::SimpleAtoi(request.Query("continue"), &from)) from = 0;
    std::vector<Value>& page = items.items;
    const size_t end = std::min(page.size(), from + limit);
    if (end < page.size()) metadata.Set("continue", Value::String(absl::StrCat(end)));
    page = std::vector<Value>(page.begin() + static_cast<int64_t>(std::min(from, end)),
                              page.begin() + static_cast<int64_t>(end));
  }
  SendJson(reply, 200,
           Value::Object({{"apiVersion", Value::String(target.resource->api_version)},
                          {"kind", Value::String(absl::StrCat(target.resource->kind, "List"))},
                          {"metadata", std::move(metadata)},
                          {"items", std::move(items)}}));
}

void ClusterApi::Watch(const ServerRequest& request, const Target& target, Reply& reply) {
  const auto wanted = [&](const Value& object) {
    return (target.key.name_space.empty() ||
            TextAt(object, {"metadata", "namespace"}) == target.key.name_space) &&
           MatchesSelectors(object, request.Query("labelSelector"), request.Query("fieldSelector"));
  };
  const auto send = [&](std::string_view type, const Value& object) {
    const Value event = Value::Object({{"type", Value::String(type)}, {"object", object}});
    return reply.Write(json::Format(event, json::Style::kCompact));
  };
  int64_t seconds = 0;
  const absl::Time end = absl::SimpleAtoi(request.Query("timeoutSeconds"), &seconds) && seconds > 0
                             ? absl::Now() + absl::Seconds(seconds)
                             : absl::InfiniteFuture();
  reply.Begin("application/json");
  int64_t version = 0;
  if (!absl::SimpleAtoi(request.Query("resourceVersion"), &version) || version == 0) {
    for (const Value& object : store_.List(target.key.kind, "", &version)) {
      if (wanted(object)) send("ADDED", object);
    }
  }
  absl::Time bookmark = absl::Now() + kBookmarkEvery;
  while (reply.IsOpen() && absl::Now() < end) {
    const auto changes = store_.Changes(target.key.kind, &version, absl::Milliseconds(100));
    if (!changes) {
      send("ERROR", StatusOf(410, "Expired", absl::StrCat("too old resource version: ", version)));
      return;
    }
    for (const ObjectChange& change : *changes) {
      if (wanted(change.object) && !send(change.type, change.object)) return;
    }
    if (request.Query("allowWatchBookmarks") != "true" || absl::Now() < bookmark) continue;
    bookmark = absl::Now() + kBookmarkEvery;
    send("BOOKMARK",
         Value::Object({{"apiVersion", Value::String(target.resource->api_version)},
                        {"kind", Value::String(target.resource->kind)},
                        {"metadata", Value::Object({{"resourceVersion",
                                                     Value::String(absl::StrCat(version))}})}}));
  }
}

void ClusterApi::Change(const ServerRequest& request, const Target& target, Reply& reply) {
  const bool patches = request.method == "PATCH";
  const std::string type = request.Header("content-type");
  if (patches ? type != "application/merge-patch+json" : type.find("application/json") != 0) {
    return Refuse(reply, 415, "UnsupportedMediaType",
                  absl::StrCat("the body of the request was in an unknown format: ", type));
  }
  const absl::StatusOr<Value> body = json::Parse({.name = "body", .text = request.body});
  if (!body.ok() || !body->IsObject()) {
    return Refuse(reply, 400, "BadRequest", "the object provided is unrecognized");
  }
  std::vector<std::string> errors;
  Value stored;
  const StoreResult result = store_.Update(
      target.key, TextAt(*body, {"metadata", "resourceVersion"}),
      [&](Value* object) {
        if (patches) {
          MergePatch(object, *body);
        } else {
          *object = *body;
        }
        if (target.key.kind != "pods") errors = FieldErrors(*object, target.resource->kind);
        return errors.empty();
      },
      &stored);
  if (!errors.empty()) {
    return Refuse(reply, 400, "BadRequest",
                  absl::StrCat("strict decoding error: ", absl::StrJoin(errors, ", ")));
  }
  if (result == StoreResult::kAbsent) {
    return Refuse(reply, 404, "NotFound", absl::StrCat(target.quoted(), " not found"));
  }
  if (result == StoreResult::kConflict) {
    return Refuse(reply, 409, "Conflict",
                  absl::StrCat("Operation cannot be fulfilled on ", target.quoted(),
                               ": the object has been modified; please apply your changes to the "
                               "latest version and try again"));
  }
  SendJson(reply, 200, stored);
}

void ClusterApi::Delete(const Target& target, Reply& reply) {
  Value last;
  if (target.key.kind == "pods" && store_.Get(target.key)) {
    DeletePod(store_, target.key);
    return SendJson(reply, 200, *store_.Get(target.key));
  }
  if (store_.Delete(target.key, &last) == StoreResult::kAbsent) {
    return Refuse(reply, 404, "NotFound", absl::StrCat(target.quoted(), " not found"));
  }
  SendJson(reply, 200,
           Value::Object({{"kind", Value::String("Status")},
                          {"apiVersion", Value::String("v1")},
                          {"status", Value::String("Success")}}));
}

void ClusterApi::PodLog(const ServerRequest& request, const Target& target, Reply& reply) {
  const auto pod = store_.Get(target.key);
  if (!pod) return Refuse(reply, 404, "NotFound", absl::StrCat(target.quoted(), " not found"));
  const std::string container = request.Query("container");
  bool known = false;
  for (const char* const list : {"initContainers", "containers"}) {
    for (const Value& item : ItemsOf(pod->Find("spec"), list)) {
      known = known || TextAt(item, {"name"}) == container;
    }
  }
  if (container.empty()) {
    return Refuse(reply, 400, "BadRequest",
                  absl::StrCat("a container name must be specified for pod ", target.key.name,
                               ", choose one of: [wait main]"));
  }
  if (!known) {
    return Refuse(reply, 400, "BadRequest",
                  absl::StrCat("container ", container, " is not valid for pod ", target.key.name));
  }
  if (container == "main" && !kubelet_.HasStarted(*pod, container)) {
    return Refuse(reply, 400, "BadRequest",
                  absl::StrCat("container \"main\" in pod \"", target.key.name,
                               "\" is waiting to start: PodInitializing"));
  }
  int64_t tail = -1;
  if (!absl::SimpleAtoi(request.Query("tailLines"), &tail)) tail = -1;
  const bool times = request.Query("timestamps") == "true";
  reply.Begin("text/plain");
  StreamLog(target.key, container, request.Query("follow") == "true", tail,
            [&](absl::Time time, const std::string& line) {
              // An empty text only asks whether somebody listens.
              const std::string front =
                  times && !line.empty() ? absl::StrCat(absl::FormatTime("%Y-%m-%dT%H:%M:%E9SZ",
                                                                         time, absl::UTCTimeZone()),
                                                        " ")
                                         : "";
              return reply.Write(absl::StrCat(front, line)) && reply.IsOpen();
            });
}

void ClusterApi::StreamLog(const ObjectKey& key, const std::string& container, bool follow,
                           int64_t tail,
                           const std::function<bool(absl::Time, const std::string&)>& print) const {
  size_t offset = 0;
  bool first = true;
  while (true) {
    const auto pod = store_.Get(key);
    if (!pod) return;
    // Asked first: what it prints last is there when it has ended.
    const bool ended = kubelet_.HasEnded(*pod, container);
    const std::string text = kubelet_.Log(*pod, container, offset);
    std::vector<std::string> lines;
    size_t begin = 0;
    for (size_t end = text.find('\n'); end != std::string::npos; end = text.find('\n', begin)) {
      lines.push_back(text.substr(begin, end + 1 - begin));
      begin = end + 1;
    }
    if (begin < text.size() && (ended || !follow)) lines.push_back(text.substr(begin));
    size_t skip = 0;
    if (first && tail >= 0 && static_cast<size_t>(tail) < lines.size()) {
      skip = lines.size() - static_cast<size_t>(tail);
    }
    first = false;
    for (size_t i = 0; i < lines.size(); ++i) {
      if (i >= skip && !print(kubelet_.LogTime(*pod, container, offset), lines[i])) return;
      offset += lines[i].size();
    }
    if (!follow || ended) return;
    if (lines.empty() && !print(absl::Now(), "")) return;
    absl::SleepFor(absl::Milliseconds(50));
  }
}

}  // namespace deps
