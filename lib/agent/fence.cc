#include "lib/agent/fence.h"

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "lib/base/status_macros.h"
#include "lib/diag/diagnostic.h"
#include "lib/http/http.h"
#include "lib/json/json.h"
#include "lib/kube/kube_access.h"
#include "lib/secrets/secret_buffer.h"
#include "lib/state/ulid.h"

namespace deps {
namespace {

using json::Value;

constexpr absl::Duration kPause = absl::Milliseconds(500);

absl::Status Trouble(std::string message, std::string hint = "") {
  return MakeError({.id = DiagnosticId::kRunDriver,
                    .message = absl::StrCat("the start cannot be noted: ", message),
                    .hint = std::move(hint)});
}

class Fence {
 public:
  Fence(KubeAccess& access, std::string pod, absl::Time deadline)
      : access_(access), client_(access.http()), pod_(std::move(pod)), deadline_(deadline) {}

  absl::Status Raise(const Getenv& getenv) {
    const std::string leases =
        absl::StrCat("/apis/coordination.k8s.io/v1/namespaces/", access_.name_space(), "/leases");
    const std::string body = Lease(getenv);
    DEPS_ASSIGN_OR_RETURN(const http::Response made, Ask("POST", leases, body));
    if (made.status == 201) return absl::OkStatus();
    if (made.status != 409) return Refused(made);
    DEPS_ASSIGN_OR_RETURN(const http::Response found,
                          Ask("GET", absl::StrCat(leases, "/", pod_), ""));
    if (found.status != 200) return Refused(found);
    // It is ours where the answer to the first request was lost.
    const std::string holder = HolderOf(found.body);
    if (holder == holder_) return absl::OkStatus();
    return MakeError({.id = DiagnosticId::kRunBusy,
                      .message = absl::StrCat("this attempt was started before, by ", holder,
                                              ": it is not started a second time"),
                      .hint = "see whether it did its work, then resume the workflow"});
  }

 private:
  std::string Lease(const Getenv& getenv) {
    const std::string uid = getenv("DEPS_POD_UID").value_or("");
    holder_ = absl::StrCat("pod ", uid, ", start ", NewUlid());
    Value metadata = Value::Object({{"name", Value::String(pod_)}});
    const std::string run = getenv("DEPS_RUN").value_or("");
    const std::string workflow = getenv("DEPS_WORKFLOW").value_or("");
    if (!run.empty() && !workflow.empty()) {
      metadata.Set(
          "ownerReferences",
          Value::Array({Value::Object({{"apiVersion", Value::String("argoproj.io/v1alpha1")},
                                       {"kind", Value::String("Workflow")},
                                       {"name", Value::String(workflow)},
                                       {"uid", Value::String(run.substr(0, run.find(' ')))}})}));
    }
    return json::Format(
        Value::Object({{"apiVersion", Value::String("coordination.k8s.io/v1")},
                       {"kind", Value::String("Lease")},
                       {"metadata", std::move(metadata)},
                       {"spec", Value::Object({{"holderIdentity", Value::String(holder_)}})}}),
        json::Style::kCompact);
  }

  absl::StatusOr<http::Response> Ask(std::string_view method, const std::string& path,
                                     std::string_view body) {
    for (bool refused = false;; absl::SleepFor(kPause)) {
      DEPS_ASSIGN_OR_RETURN(const SecretBuffer identity, access_.Authorization(refused, deadline_));
      http::Request request = {.method = std::string(method),
                               .url = absl::StrCat(access_.server(), path),
                               .headers = {{"Authorization", std::string(identity.view())},
                                           {"Content-Type", "application/json"},
                                           {"Accept", "application/json"}},
                               .nearest = http::AddressSpace::kLoopback};
      if (!body.empty()) request.body = body;
      absl::StatusOr<http::Response> response = client_.Send(request);
      const bool busy = !response.ok() || response->status == 429 || response->status >= 500 ||
                        (response->status == 401 && !refused);
      if (!busy) return response;
      refused = response.ok() && response->status == 401;
      if (absl::Now() < deadline_) continue;
      if (response.ok()) return response;
      return Trouble(DiagnosticsOf(response.status())[0].message);
    }
  }

  static absl::Status Refused(const http::Response& response) {
    if (response.status == 401 || response.status == 403) {
      return Trouble("the API server does not allow it",
                     "the task's service account may have to create and get leases: see what "
                     "deps-engine-argo says that a namespace needs");
    }
    return Trouble(absl::StrCat("the API server answers with status ", response.status));
  }

  static std::string HolderOf(const std::string& body) {
    const absl::StatusOr<Value> lease = json::Parse({.name = "lease", .text = body});
    const Value* const spec = lease.ok() ? lease->Find("spec") : nullptr;
    const Value* const holder = spec == nullptr ? nullptr : spec->Find("holderIdentity");
    return holder == nullptr ? "an unknown start" : holder->text;
  }

  KubeAccess& access_;
  http::Client client_;
  const std::string pod_;
  const absl::Time deadline_;
  std::string holder_;
};

}  // namespace

absl::Status FenceAttempt(const Getenv& getenv, absl::Time deadline) {
  std::string pod = getenv("DEPS_POD_NAME").value_or("");
  if (pod.empty()) return absl::OkStatus();
  DEPS_ASSIGN_OR_RETURN(const std::unique_ptr<KubeAccess> access,
                        KubeAccess::Find({}, getenv, deadline));
  return Fence(*access, std::move(pod), deadline).Raise(getenv);
}

}  // namespace deps
