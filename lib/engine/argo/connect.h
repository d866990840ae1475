// From settings to a server and an identity for it. Private to this package.
#ifndef DEPS_LIB_ENGINE_ARGO_CONNECT_H_
#define DEPS_LIB_ENGINE_ARGO_CONNECT_H_

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "lib/engine/argo/api.h"
#include "lib/engine/argo/argo.h"
#include "lib/http/http.h"
#include "lib/kube/kube_access.h"

namespace deps {

struct ArgoConnection {
  std::unique_ptr<KubeAccess> kube;  // Absent where a token is enough.
  std::unique_ptr<ArgoApi> api;
  std::string name_space;
};

// Asks no server yet. Errors: engine-refused, engine-denied (no credential).
absl::StatusOr<std::unique_ptr<ArgoConnection>> ConnectToArgo(
    const ArgoConfig& config, const http::GetEnv& getenv,
    const std::function<void(absl::Duration)>& sleep);

}  // namespace deps

#endif  // DEPS_LIB_ENGINE_ARGO_CONNECT_H_
