// Argo Workflows over an Argo Server.
#include <algorithm>
#include <string_view>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/time/time.h"
#include "lib/base/status_macros.h"
#include "lib/engine/argo/api.h"
#include "lib/engine/argo/watch.h"

namespace deps {
namespace {

using json::Value;

// What an Argo Server sends before each event.
constexpr char kEventPrefix[] = "data: ";
constexpr char kEvents[] = "text/event-stream";
// Of a pod's name without the digits at its end (workflow/util/pod_name.go).
constexpr size_t kLongestPodPrefix = 242;

// The name of the pod of a node of type Pod. A node's id is the workflow's name
// and a number; newer Argos put the template's name in between.
std::string PodOf(const Value& workflow, const Value& node) {
  const std::string name = TextIn(workflow, {"metadata", "name"});
  const std::string id = TextIn(node, {"id"});
  const std::string format =
      TextIn(workflow, {"metadata", "annotations", "workflows.argoproj.io/pod-name-format"});
  if (format == "v1" || id.size() <= name.size()) return id;
  std::string prefix = absl::StrCat(name, "-", TextIn(node, {"templateName"}));
  prefix.resize(std::min(prefix.size(), kLongestPodPrefix));
  return prefix + id.substr(name.size());
}

class ArgoServerApi : public ArgoApi {
 public:
  ArgoServerApi(ArgoEndpoint endpoint, const std::string& name_space)
      : ArgoApi(std::move(endpoint), name_space,
                absl::StrCat("/api/v1/workflows/", UrlEncoded(name_space))) {}

  absl::StatusOr<std::vector<Diagnostic>> Check() override;

  absl::Status Validate(const Value& workflow) override { return Post("/lint", workflow); }
  absl::Status Create(const Value& workflow) override { return Post("", workflow); }

  absl::Status Watch(const std::string& name,
                     const std::function<bool(const Value*)>& changed) override;

  absl::Status Shutdown(const std::string& name, bool terminate) override {
    const Value request =
        Value::Object({{"name", Value::String(name)}, {"namespace", Value::String(name_space_)}});
    return client_
        .Need({.method = "PUT",
               .path = absl::StrCat(PathOf(name), terminate ? "/terminate" : "/stop"),
               .body = json::Canonical(request)})
        .status();
  }

  absl::Status Delete(const std::string& name) override {
    return client_.Need({.method = "DELETE", .path = PathOf(name)}).status();
  }

  absl::StatusOr<ArgoPods> Pods(const Value& workflow) override;
  absl::Status Logs(const ArgoLogQuery& query,
                    const std::function<absl::Status(std::string_view)>& line) override;

 private:
  absl::Status Post(std::string_view path, const Value& workflow);
};

absl::Status ArgoServerApi::Post(std::string_view path, const Value& workflow) {
  const Value request =
      Value::Object({{"namespace", Value::String(name_space_)}, {"workflow", workflow}});
  return client_
      .Need({.method = "POST",
             .path = absl::StrCat(workflows_, path),
             .body = json::Format(request, json::Style::kCompact)})
      .status();
}

absl::StatusOr<std::vector<Diagnostic>> ArgoServerApi::Check() {
  DEPS_ASSIGN_OR_RETURN(const Value version, client_.Need({.path = "/api/v1/version"}));
  // Whether who we are may do anything here.
  DEPS_RETURN_IF_ERROR(
      client_.Need({.path = absl::StrCat(workflows_, "?listOptions.limit=1")}).status());
  std::vector<Diagnostic> found;
  const std::string text = TextIn(version, {"version"});
  if (absl::StartsWith(text, "v1.") || absl::StartsWith(text, "v2.")) {
    found.push_back(
        {.id = DiagnosticId::kEngineUnsupported,
         .severity = Severity::kWarning,
         .message = absl::StrCat("Argo Server ", text,
                                 " is older than v3, which workflows are written for")});
  }
  return found;
}

absl::Status ArgoServerApi::Watch(const std::string& name,
                                  const std::function<bool(const Value*)>& changed) {
  return WatchWorkflow(
      client_,
      {.list = [&]() -> absl::StatusOr<WatchStart> {
         DEPS_ASSIGN_OR_RETURN(Value workflow, Get(name));
         std::string version = TextIn(workflow, {"metadata", "resourceVersion"});
         return WatchStart{.version = std::move(version), .workflow = std::move(workflow)};
       },
       .path =
           [&](const std::string& version) {
             return absl::StrCat(
                 "/api/v1/workflow-events/", UrlEncoded(name_space_),
                 "?listOptions.fieldSelector=", UrlEncoded(absl::StrCat("metadata.name=", name)),
                 "&listOptions.resourceVersion=", UrlEncoded(version));
           },
       .prefix = kEventPrefix,
       .accept = kEvents},
      changed);
}

absl::StatusOr<ArgoPods> ArgoServerApi::Pods(const Value& workflow) {
  ArgoPods found;
  const Value* const nodes = MemberIn(workflow, {"status", "nodes"});
  if (nodes == nullptr) return found;
  for (const auto& [id, node] : nodes->members) {
    if (TextIn(node, {"type"}) != "Pod") continue;
    const std::string phase = TextIn(node, {"phase"});
    found.pods.push_back({.name = PodOf(workflow, node),
                          .node = TextIn(node, {"name"}),
                          .live = phase == "Pending" || phase == "Running"});
  }
  return found;
}

absl::Status ArgoServerApi::Logs(const ArgoLogQuery& query,
                                 const std::function<absl::Status(std::string_view)>& line) {
  std::string path = absl::StrCat(PathOf(query.workflow), "/log?podName=", UrlEncoded(query.pod),
                                  "&logOptions.container=main&logOptions.timestamps=true");
  if (query.tail > 0) absl::StrAppend(&path, "&logOptions.tailLines=", query.tail);
  if (query.since != absl::InfinitePast()) {
    absl::StrAppend(&path, "&logOptions.sinceTime.seconds=", absl::ToUnixSeconds(query.since));
  }
  const auto entry = [&](std::string_view event) -> absl::Status {
    if (!absl::ConsumePrefix(&event, kEventPrefix)) return absl::OkStatus();
    const absl::StatusOr<Value> parsed = json::Parse({"", std::string(event)});
    const Value* const result = parsed.ok() ? parsed->Find("result") : nullptr;
    return result == nullptr ? absl::OkStatus() : line(TextIn(*result, {"content"}));
  };
  DEPS_ASSIGN_OR_RETURN(const ArgoAnswer answer, client_.Stream(path, kEvents, kLogSilence, entry));
  if (answer.status == 0 || answer.status == 200 || answer.status == 400) return absl::OkStatus();
  return ErrorOf(answer);
}

}  // namespace

std::unique_ptr<ArgoApi> MakeArgoServerApi(ArgoEndpoint endpoint, const std::string& name_space) {
  return std::make_unique<ArgoServerApi>(std::move(endpoint), name_space);
}

}  // namespace deps
