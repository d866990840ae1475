// What the parts of an operation know of nodes. Private to this package.
#ifndef DEPS_LIB_ENGINE_TESTING_WORKFLOW_NODES_H_
#define DEPS_LIB_ENGINE_TESTING_WORKFLOW_NODES_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "lib/json/json.h"

namespace deps {

bool IsFulfilled(const json::Value& node);
bool HasFailed(const std::string& phase);
// The distant past where there is none.
absl::Time TimeAt(const json::Value& object, const std::vector<std::string_view>& path);
// Of "10s", "2m", or seconds as a number.
absl::Duration DurationOf(const std::string& text);
// {"name", "value"}
json::Value NamedValue(std::string_view name, std::string_view value);

}  // namespace deps

#endif  // DEPS_LIB_ENGINE_TESTING_WORKFLOW_NODES_H_
