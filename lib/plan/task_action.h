// What each task does when the root does something.
#ifndef DEPS_LIB_PLAN_TASK_ACTION_H_
#define DEPS_LIB_PLAN_TASK_ACTION_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "lib/model/plan.h"
#include "lib/plan/installed.h"
#include "lib/plan/naming.h"
#include "lib/plan/node_table.h"

namespace deps {

inline constexpr std::string_view kSkipAction = "skip";

struct TaskAction {
  std::string action = std::string(kSkipAction);
  std::string reason;  // One sentence where it is not simply the plan's action.
};

// Whether what has this list of actions, empty for all, has a part in `action`.
bool HasPart(const std::vector<std::string>& apply_to, const std::string& action);

// By place of node.
using TaskActions = std::vector<TaskAction>;

// The action of each node, by id; see MakePlan for the rules.
// Errors, all of them: plan-action where the root defines no such action;
// plan-clash, plan-not-installed where `state` knows better.
absl::StatusOr<TaskActions> ActionsOf(const NodeTable& table, const std::string& action,
                                      const Installations& installations,
                                      const InstalledState& state);

}  // namespace deps

#endif  // DEPS_LIB_PLAN_TASK_ACTION_H_
