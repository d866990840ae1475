// The nodes of a large workflow, as Argo packs them. Private to this package.
#ifndef DEPS_LIB_ENGINE_ARGO_NODES_H_
#define DEPS_LIB_ENGINE_ARGO_NODES_H_

#include <string>

#include "absl/status/statusor.h"
#include "lib/json/json.h"

namespace deps {

// `status.compressedNodes`: gzip in base64. Errors: engine-refused.
absl::StatusOr<json::Value> UnpackArgoNodes(const std::string& packed);

}  // namespace deps

#endif  // DEPS_LIB_ENGINE_ARGO_NODES_H_
