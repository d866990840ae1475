#include "lib/engine/testing/workflow_nodes.h"

#include <cstdint>

#include "absl/strings/numbers.h"
#include "lib/engine/testing/cluster_store.h"

namespace deps {

using json::Value;

bool IsFulfilled(const Value& node) {
  const std::string phase = TextAt(node, {"phase"});
  return !phase.empty() && phase != "Pending" && phase != "Running";
}

bool HasFailed(const std::string& phase) { return phase == "Failed" || phase == "Error"; }

absl::Time TimeAt(const Value& object, const std::vector<std::string_view>& path) {
  absl::Time time;
  std::string error;
  return absl::ParseTime(absl::RFC3339_full, TextAt(object, path), &time, &error)
             ? time
             : absl::InfinitePast();
}

absl::Duration DurationOf(const std::string& text) {
  absl::Duration duration;
  int64_t seconds = 0;
  if (absl::SimpleAtoi(text, &seconds)) return absl::Seconds(seconds);
  return absl::ParseDuration(text, &duration) ? duration : absl::ZeroDuration();
}

Value NamedValue(std::string_view name, std::string_view value) {
  return Value::Object({{"name", Value::String(name)}, {"value", Value::String(value)}});
}

}  // namespace deps
