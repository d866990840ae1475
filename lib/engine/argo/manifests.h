// What a namespace needs for workflows of RenderArgo. Private to this package.
#ifndef DEPS_LIB_ENGINE_ARGO_MANIFESTS_H_
#define DEPS_LIB_ENGINE_ARGO_MANIFESTS_H_

#include <string>

#include "lib/engine/argo/render.h"

namespace deps {

// Several YAML documents, to be applied once by whoever administers the
// namespace: service accounts, roles, and what the network lets through.
std::string ArgoManifests(const ArgoOptions& options);

}  // namespace deps

#endif  // DEPS_LIB_ENGINE_ARGO_MANIFESTS_H_
