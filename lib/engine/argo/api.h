// What the engine asks of Argo Workflows, over either of its two APIs. Private to
// this package.
#ifndef DEPS_LIB_ENGINE_ARGO_API_H_
#define DEPS_LIB_ENGINE_ARGO_API_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "lib/diag/diagnostic.h"
#include "lib/engine/argo/client.h"
#include "lib/json/json.h"

namespace deps {

struct ArgoPod {
  std::string name;
  std::string node;   // The name of its node, "WORKFLOW.TASK(0)".
  bool live = false;  // It has not ended.
  bool operator==(const ArgoPod&) const = default;
};

struct ArgoPods {
  std::vector<ArgoPod> pods;
  // Whether Kubernetes itself says so; else they are what the nodes lead to expect.
  bool seen = false;
};

struct ArgoLogQuery {
  std::string workflow;
  std::string pod;
  bool follow = false;
  int64_t tail = 0;                         // 0: all.
  absl::Time since = absl::InfinitePast();  // Not what is of an earlier second.
};

// Names are those of Workflow resources in one namespace. Errors: those of
// ArgoClient::Need; engine-unknown-run where there is no such workflow.
class ArgoApi {
 public:
  virtual ~ArgoApi() = default;

  virtual absl::StatusOr<std::vector<Diagnostic>> Check() = 0;
  // Whether the server would take it: engine-refused, with what it says, where not.
  virtual absl::Status Validate(const json::Value& workflow) = 0;
  // Errors, besides: engine-conflict where the name is taken.
  virtual absl::Status Create(const json::Value& workflow) = 0;
  absl::StatusOr<json::Value> Get(const std::string& name);
  // Calls `changed` with the resource whenever it changed, and with nullptr where
  // it did not for some ten seconds, until that returns false.
  virtual absl::Status Watch(const std::string& name,
                             const std::function<bool(const json::Value*)>& changed) = 0;
  // Shuts a workflow down; `terminate` without exit handlers.
  virtual absl::Status Shutdown(const std::string& name, bool terminate) = 0;
  virtual absl::Status Delete(const std::string& name) = 0;
  virtual absl::StatusOr<ArgoPods> Pods(const json::Value& workflow) = 0;
  // Lines as Kubernetes has them, with their time in front. Returns where there
  // are no more until more is written, or the connection broke off; an Argo Server
  // follows none.
  virtual absl::Status Logs(const ArgoLogQuery& query,
                            const std::function<absl::Status(std::string_view)>& line) = 0;

 protected:
  // `workflows`: the path of the namespace's workflows.
  ArgoApi(ArgoEndpoint endpoint, std::string name_space, std::string workflows)
      : client_(std::move(endpoint)),
        name_space_(std::move(name_space)),
        workflows_(std::move(workflows)) {}

  std::string PathOf(const std::string& name) const;

  ArgoClient client_;
  const std::string name_space_;
  const std::string workflows_;
};

// The API server of Kubernetes.
std::unique_ptr<ArgoApi> MakeKubernetesApi(ArgoEndpoint endpoint, const std::string& name_space);
// An Argo Server.
std::unique_ptr<ArgoApi> MakeArgoServerApi(ArgoEndpoint endpoint, const std::string& name_space);

}  // namespace deps

#endif  // DEPS_LIB_ENGINE_ARGO_API_H_
