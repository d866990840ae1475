// Argo Workflows over the API of Kubernetes alone.
#include <algorithm>
#include <string_view>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "lib/base/status_macros.h"
#include "lib/engine/argo/api.h"
#include "lib/engine/argo/watch.h"

namespace deps {
namespace {

using json::Value;

constexpr char kGroup[] = "/apis/argoproj.io/v1alpha1";

// From here on projected service account tokens are there for good.
constexpr int kFirstMinor = 20;

struct Permission {
  std::string_view group;
  std::string_view resource;
  std::string_view subresource;
  std::string_view verb;
  bool required;  // Else only some of what the engine does needs it.
};

constexpr Permission kPermissions[] = {
    {"argoproj.io", "workflows", "", "create", true},
    {"argoproj.io", "workflows", "", "get", true},
    {"argoproj.io", "workflows", "", "list", false},
    {"argoproj.io", "workflows", "", "watch", false},
    {"argoproj.io", "workflows", "", "patch", false},
    {"argoproj.io", "workflows", "", "delete", false},
    {"", "pods", "", "list", false},
    {"", "pods", "log", "get", false},
};

class KubernetesApi : public ArgoApi {
 public:
  KubernetesApi(ArgoEndpoint endpoint, const std::string& name_space)
      : ArgoApi(std::move(endpoint), name_space,
                absl::StrCat(kGroup, "/namespaces/", UrlEncoded(name_space), "/workflows")),
        pods_(absl::StrCat("/api/v1/namespaces/", UrlEncoded(name_space), "/pods")) {}

  absl::StatusOr<std::vector<Diagnostic>> Check() override;

  absl::Status Validate(const Value& workflow) override { return Post(workflow, "&dryRun=All"); }
  absl::Status Create(const Value& workflow) override { return Post(workflow, ""); }

  absl::Status Watch(const std::string& name,
                     const std::function<bool(const Value*)>& changed) override;

  absl::Status Shutdown(const std::string& name, bool terminate) override {
    const Value patch = Value::Object(
        {{"spec", Value::Object({{"shutdown", Value::String(terminate ? "Terminate" : "Stop")}})}});
    return client_
        .Need({.method = "PATCH",
               .path = PathOf(name),
               .body = json::Canonical(patch),
               .content_type = "application/merge-patch+json"})
        .status();
  }

  absl::Status Delete(const std::string& name) override {
    return client_
        .Need({.method = "DELETE",
               .path = absl::StrCat(PathOf(name), "?propagationPolicy=Background")})
        .status();
  }

  absl::StatusOr<ArgoPods> Pods(const Value& workflow) override;
  absl::Status Logs(const ArgoLogQuery& query,
                    const std::function<absl::Status(std::string_view)>& line) override;

 private:
  absl::StatusOr<bool> May(const Permission& permission);
  absl::Status Post(const Value& workflow, std::string_view query);

  const std::string pods_;
};

absl::Status KubernetesApi::Post(const Value& workflow, std::string_view query) {
  // Strict: a server that knows Argo's fields refuses others.
  return client_
      .Need({.method = "POST",
             .path = absl::StrCat(workflows_, "?fieldValidation=Strict", query),
             .body = json::Format(workflow, json::Style::kCompact)})
      .status();
}

absl::StatusOr<bool> KubernetesApi::May(const Permission& permission) {
  Value attributes = Value::Object({{"namespace", Value::String(name_space_)},
                                    {"group", Value::String(permission.group)},
                                    {"resource", Value::String(permission.resource)},
                                    {"verb", Value::String(permission.verb)}});
  if (!permission.subresource.empty()) {
    attributes.Set("subresource", Value::String(permission.subresource));
  }
  const Value review =
      Value::Object({{"apiVersion", Value::String("authorization.k8s.io/v1")},
                     {"kind", Value::String("SelfSubjectAccessReview")},
                     {"spec", Value::Object({{"resourceAttributes", std::move(attributes)}})}});
  DEPS_ASSIGN_OR_RETURN(
      const Value answer,
      client_.Need({.method = "POST",
                    .path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
                    .body = json::Format(review, json::Style::kCompact)}));
  const Value* const allowed = MemberIn(answer, {"status", "allowed"});
  return allowed != nullptr && allowed->boolean;
}

absl::StatusOr<std::vector<Diagnostic>> KubernetesApi::Check() {
  DEPS_ASSIGN_OR_RETURN(const Value version, client_.Need({.path = "/version"}));
  std::vector<Diagnostic> found;
  int minor = 0;
  // A cluster may call itself "27+".
  std::string text = TextIn(version, {"minor"});
  text.erase(std::find_if_not(text.begin(), text.end(), absl::ascii_isdigit), text.end());
  if (absl::SimpleAtoi(text, &minor) && minor < kFirstMinor) {
    found.push_back({.id = DiagnosticId::kEngineUnsupported,
                     .severity = Severity::kWarning,
                     .message = absl::StrCat("Kubernetes ", TextIn(version, {"gitVersion"}),
                                             " is older than 1.", kFirstMinor,
                                             " and may not give pods tokens of their own")});
  }
  DEPS_ASSIGN_OR_RETURN(const ArgoAnswer group, client_.Ask({.path = kGroup}));
  if (group.status == 404) {
    return MakeError({.id = DiagnosticId::kEngineRefused,
                      .message = "the cluster has no Argo Workflows: it does not know the API "
                                 "argoproj.io/v1alpha1",
                      .hint = "an administrator installs it; the namespace is then given "
                              "manifests.yaml of deps-run --dry-run"});
  }
  if (group.status != 200) return ErrorOf(group);
  for (const Permission& permission : kPermissions) {
    DEPS_ASSIGN_OR_RETURN(const bool allowed, May(permission));
    if (allowed) continue;
    Diagnostic denied = {
        .id = DiagnosticId::kEngineDenied,
        .severity = permission.required ? Severity::kError : Severity::kWarning,
        .message = absl::StrCat("in namespace ", name_space_, " you may not ", permission.verb, " ",
                                permission.resource, permission.subresource.empty() ? "" : "/",
                                permission.subresource),
        .hint = "the role deps-submitter of manifests.yaml has what is needed"};
    if (permission.required) return MakeError(std::move(denied));
    found.push_back(std::move(denied));
  }
  return found;
}

absl::Status KubernetesApi::Watch(const std::string& name,
                                  const std::function<bool(const Value*)>& changed) {
  const std::string selector =
      absl::StrCat("fieldSelector=", UrlEncoded(absl::StrCat("metadata.name=", name)));
  return WatchWorkflow(
      client_,
      {.list = [&]() -> absl::StatusOr<WatchStart> {
         DEPS_ASSIGN_OR_RETURN(const Value list,
                               client_.Need({.path = absl::StrCat(workflows_, "?", selector)}));
         const Value* const items = list.Find("items");
         if (items == nullptr || !items->IsArray() || items->items.empty()) {
           return ErrorOf({.status = 404});
         }
         return WatchStart{.version = TextIn(list, {"metadata", "resourceVersion"}),
                           .workflow = items->items.front()};
       },
       .path =
           [&](const std::string& version) {
             return absl::StrCat(workflows_, "?watch=1&allowWatchBookmarks=true&", selector,
                                 "&resourceVersion=", UrlEncoded(version));
           }},
      changed);
}

absl::StatusOr<ArgoPods> KubernetesApi::Pods(const Value& workflow) {
  const std::string label =
      absl::StrCat("workflows.argoproj.io/workflow=", TextIn(workflow, {"metadata", "name"}));
  DEPS_ASSIGN_OR_RETURN(
      const Value list,
      client_.Need({.path = absl::StrCat(pods_, "?labelSelector=", UrlEncoded(label))}));
  ArgoPods found = {.seen = true};
  const Value* const items = list.Find("items");
  if (items == nullptr || !items->IsArray()) return found;
  for (const Value& pod : items->items) {
    const std::string phase = TextIn(pod, {"status", "phase"});
    found.pods.push_back(
        {.name = TextIn(pod, {"metadata", "name"}),
         .node = TextIn(pod, {"metadata", "annotations", "workflows.argoproj.io/node-name"}),
         .live = phase != "Succeeded" && phase != "Failed"});
  }
  return found;
}

absl::Status KubernetesApi::Logs(const ArgoLogQuery& query,
                                 const std::function<absl::Status(std::string_view)>& line) {
  std::string path =
      absl::StrCat(pods_, "/", UrlEncoded(query.pod), "/log?container=main&timestamps=true");
  if (query.follow) absl::StrAppend(&path, "&follow=true");
  if (query.tail > 0) absl::StrAppend(&path, "&tailLines=", query.tail);
  if (query.since != absl::InfinitePast()) {
    const std::string since =
        absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", query.since, absl::UTCTimeZone());
    absl::StrAppend(&path, "&sinceTime=", UrlEncoded(since));
  }
  DEPS_ASSIGN_OR_RETURN(const ArgoAnswer answer, client_.Stream(path, "*/*", kLogSilence, line));
  // 400: the container has not started yet.
  if (answer.status == 0 || answer.status == 200 || answer.status == 400) return absl::OkStatus();
  return ErrorOf(answer);
}

}  // namespace

std::unique_ptr<ArgoApi> MakeKubernetesApi(ArgoEndpoint endpoint, const std::string& name_space) {
  return std::make_unique<KubernetesApi>(std::move(endpoint), name_space);
}

}  // namespace deps
