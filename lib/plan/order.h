// Which task waits for which, and what can run at the same time.
#ifndef DEPS_LIB_PLAN_ORDER_H_
#define DEPS_LIB_PLAN_ORDER_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace deps {

// For each task, by its number, the numbers of those that must be finished
// before it. The same one may occur twice.
using Needs = std::vector<std::vector<size_t>>;

// The stage of each task: 0 needs nothing, else 1 + the highest of its needs.
// `id` is what an error calls one.
// Time: O(tasks + needs). Errors: graph-cycle, which shows one shortest circle
// as "a -> b -> a" (an arrow: needs).
absl::StatusOr<std::vector<int64_t>> StagesOf(const Needs& needs,
                                              const std::function<std::string(size_t)>& id);

// What was needed needs, and the reverse.
Needs Reversed(const Needs& needs);

}  // namespace deps

#endif  // DEPS_LIB_PLAN_ORDER_H_
