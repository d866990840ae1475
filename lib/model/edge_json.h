// The edges of Graph and Solution. Private to this package.
#ifndef DEPS_LIB_MODEL_EDGE_JSON_H_
#define DEPS_LIB_MODEL_EDGE_JSON_H_

#include <string>

#include "absl/status/status.h"
#include "lib/diag/source.h"
#include "lib/json/json.h"
#include "lib/model/graph.h"

namespace deps {

json::Value EdgeToJson(const Edge& edge);
absl::Status EdgeFromJson(const Source& source, const json::Value& value, std::string pointer,
                          Edge* out);

// {"namespace", "name"}, also in Plan and Lock.
json::Value InstallationNameToJson(const InstallationName& name);
absl::Status InstallationNameFromJson(const Source& source, const json::Value& value,
                                      std::string pointer, InstallationName* out);

}  // namespace deps

#endif  // DEPS_LIB_MODEL_EDGE_JSON_H_
