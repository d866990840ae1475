// The volumes of a task's pod. Private to this package.
#ifndef DEPS_LIB_ENGINE_ARGO_POD_VOLUMES_H_
#define DEPS_LIB_ENGINE_ARGO_POD_VOLUMES_H_

#include <string>

#include "lib/json/json.h"

namespace deps {

// deps-bin: the agent. deps-secrets, deps-public and cnab-outputs, in memory: files
// that are mounted one by one, outputs for Argo, and what the run tool writes.
// deps-identity: a token for `audience`, by which secrets are fetched. deps-account:
// what a pod has of its account where Kubernetes itself puts it.
json::Value PodVolumes(const std::string& audience);

}  // namespace deps

#endif  // DEPS_LIB_ENGINE_ARGO_POD_VOLUMES_H_
