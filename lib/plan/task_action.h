// What each task does when the root does something.
#ifndef DEPS_LIB_PLAN_TASK_ACTION_H_
#define DEPS_LIB_PLAN_TASK_ACTION_H_

#include <map>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "lib/plan/node_table.h"

namespace deps {

inline constexpr std::string_view kSkipAction = "skip";

// The action of each node, by id; see MakePlan for the rules.
// Errors: plan-action where the root defines no such action.
absl::StatusOr<std::map<std::string, std::string>> ActionsOf(const NodeTable& table,
                                                             const std::string& action);

}  // namespace deps

#endif  // DEPS_LIB_PLAN_TASK_ACTION_H_
