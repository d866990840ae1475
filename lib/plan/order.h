// Which task waits for which, and what can run at the same time.
#ifndef DEPS_LIB_PLAN_ORDER_H_
#define DEPS_LIB_PLAN_ORDER_H_

#include <cstdint>
#include <map>
#include <set>
#include <string>

#include "absl/status/statusor.h"

namespace deps {

// For each task the tasks that must be finished before it. Every task that
// occurs has an entry.
using Needs = std::map<std::string, std::set<std::string>>;

// The stage of each task: 0 needs nothing, else 1 + the highest of its needs.
// Time: O(tasks + needs). Errors: graph-cycle, which shows one shortest circle
// as "a -> b -> a" (an arrow: needs).
absl::StatusOr<std::map<std::string, int64_t>> StagesOf(const Needs& needs);

// What was needed needs, and the reverse.
Needs Reversed(const Needs& needs);

}  // namespace deps

#endif  // DEPS_LIB_PLAN_ORDER_H_
