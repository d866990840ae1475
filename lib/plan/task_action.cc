#include "lib/plan/task_action.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace deps {
namespace {

bool IsBuiltIn(const std::string& action) {
  return action == "install" || action == "upgrade" || action == "uninstall";
}

class Actions {
 public:
  Actions(const NodeTable& table, const std::string& action) : table_(table), action_(action) {
    actions_[table.root().id] = action;
  }

  std::map<std::string, std::string> Run() {
    for (const Node& node : table_.graph().nodes) Of(node);
    return std::move(actions_);
  }

 private:
  // A parent's action is known before that of what belongs to it alone. The
  // entry is made first, so that a circle of parents ends here; it is reported
  // where tasks are put in order.
  const std::string& Of(const Node& node) {
    const auto [found, fresh] = actions_.try_emplace(node.id, kSkipAction);
    if (!fresh) return found->second;
    if (node.resolution && node.resolution->installation) return found->second;
    if (!IsBuiltIn(action_)) {
      if (node.bundle->actions.count(action_) > 0) found->second = action_;
    } else if (action_ == "install") {
      found->second = action_;
    } else if (table_.IsShared(node)) {
      if (action_ == "upgrade") found->second = "install";
    } else {
      const std::vector<const Edge*>& edges = table_.RequiredBy(node.id);
      if (!edges.empty()) found->second = Of(*table_.Find(edges.front()->from));
    }
    return found->second;
  }

  const NodeTable& table_;
  const std::string& action_;
  std::map<std::string, std::string> actions_;
};

}  // namespace

absl::StatusOr<std::map<std::string, std::string>> ActionsOf(const NodeTable& table,
                                                             const std::string& action) {
  const Node& root = table.root();
  if (!root.bundle) {
    return MakeError({.id = DiagnosticId::kPlanUnsolved,
                      .message = "the root has no bundle",
                      .location = {.pointer = table.Pointer(root)}});
  }
  const std::map<std::string, ActionDefinition>& custom = root.bundle->actions;
  if (!IsBuiltIn(action) && custom.count(action) == 0) {
    std::vector<std::string> known = {"install", "uninstall", "upgrade"};
    for (const auto& [name, definition] : custom) known.push_back(name);
    std::sort(known.begin(), known.end());
    return MakeError({.id = DiagnosticId::kPlanAction,
                      .message = absl::StrCat("the bundle ", root.bundle->name,
                                              " does not define the action \"", action, "\""),
                      .location = {.pointer = table.Pointer(root) + "/bundle/actions"},
                      .hint = absl::StrCat("it has: ", absl::StrJoin(known, ", "))});
  }
  return Actions(table, action).Run();
}

}  // namespace deps
