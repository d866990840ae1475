#include "lib/plan/task_action.h"

#include <algorithm>
#include <set>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "lib/model/installation_clash.h"
#include "lib/plan/naming.h"

namespace deps {
namespace {

bool IsBuiltIn(const std::string& action) {
  return action == "install" || action == "upgrade" || action == "uninstall";
}

std::string Names(const std::set<InstallationName>& names) {
  return absl::StrJoin(names, ", ", [](std::string* out, const InstallationName& name) {
    absl::StrAppend(out, DisplayName(name));
  });
}

class Actions {
 public:
  Actions(const NodeTable& table, const std::string& action, const Installations& installations,
          const InstalledState& state)
      : table_(table),
        action_(action),
        installations_(installations),
        state_(state),
        actions_(table.graph().nodes.size()),
        decided_(table.graph().nodes.size()) {}

  absl::StatusOr<TaskActions> Run() {
    actions_[table_.IndexOf(table_.root())] = {action_, ""};
    decided_[table_.IndexOf(table_.root())] = true;
    CheckRoot();
    for (const Node& node : table_.graph().nodes) Of(node);
    if (!errors_.empty()) return MakeErrors(std::move(errors_));
    return std::move(actions_);
  }

 private:
  const PlannedInstallation& InstallationOf(const Node& node) const {
    return installations_[table_.IndexOf(node)];
  }
  const InstallationName& NameOf(const Node& node) const { return InstallationOf(node).name; }

  void Fail(DiagnosticId id, const Node& node, std::string message, std::string hint) {
    errors_.push_back({.id = id,
                       .message = std::move(message),
                       .location = {.pointer = table_.Pointer(node)},
                       .hint = std::move(hint)});
  }

  void CheckRoot() {
    if (!state_.known()) return;
    const Node& root = table_.root();
    const Installation* const installed = state_.Installed(NameOf(root));
    const std::string name = DisplayName(NameOf(root));
    if (action_ == "install" && installed != nullptr) {
      Fail(DiagnosticId::kPlanClash, root,
           absl::StrCat("the installation ", name, " exists already",
                        installed->bundle_version.empty()
                            ? ""
                            : absl::StrCat(", of version ", installed->bundle_version)),
           "use --action upgrade, or choose another name with --installation");
    }
    const auto custom = root.bundle->actions.find(action_);
    const bool stateless = custom != root.bundle->actions.end() && custom->second.stateless;
    const bool needs_one = action_ != "install" && action_ != "uninstall" && !stateless;
    if (needs_one && installed == nullptr) {
      Fail(DiagnosticId::kPlanNotInstalled, root,
           absl::StrCat("there is no installation ", name, " for the action ", action_),
           "install it first, or name another one with --installation and --namespace");
    }
  }

  // A parent's action is known before that of what it needs. The node is marked
  // first, so that a circle of parents ends here; it is reported where tasks are
  // put in order.
  const TaskAction& Of(const Node& node) {
    const size_t place = table_.IndexOf(node);
    if (!decided_[place]) {
      decided_[place] = true;
      actions_[place] = Decide(node);
    }
    return actions_[place];
  }

  TaskAction Decide(const Node& node) {
    if (action_ == "uninstall") return Uninstall(node);
    if (IsReused(node)) {
      return Skip(absl::StrCat("The installation ", DisplayName(NameOf(node)), " is reused."));
    }
    if (!IsBuiltIn(action_)) return Custom(node);
    const bool mine = action_ == "upgrade" && !table_.IsShared(node);
    return state_.known() ? InstallOrUpgrade(node) : TaskAction{mine ? "upgrade" : "install", ""};
  }

  static TaskAction Skip(std::string reason) {
    return {std::string(kSkipAction), std::move(reason)};
  }

  TaskAction Custom(const Node& node) {
    const auto found = node.bundle->actions.find(action_);
    if (found == node.bundle->actions.end()) {
      return Skip(absl::StrCat("Its bundle has no action ", action_, "."));
    }
    if (state_.known() && !found->second.stateless && state_.Installed(NameOf(node)) == nullptr) {
      return Skip("It is not installed.");
    }
    return {action_, ""};
  }

  TaskAction InstallOrUpgrade(const Node& node) {
    const Installation* const existing = state_.Installed(NameOf(node));
    if (existing == nullptr) {
      return {"install", action_ == "upgrade" ? "It is not installed yet." : ""};
    }
    const std::string clash = ClashOf(InstallationOf(node), *node.bundle, *existing);
    if (!clash.empty()) {
      const std::string name = DisplayName(NameOf(node));
      Fail(DiagnosticId::kPlanClash, node,
           absl::StrCat(node.id, " would be installed as ", name, ", which exists and ", clash),
           absl::StrCat("choose another name with --installation-of ", node.id,
                        "=NAME, another namespace with --namespace, or use what exists: deps-solve "
                        "--use ",
                        node.id, "=installation:", name));
    }
    if (table_.IsShared(node)) {
      return Skip(absl::StrCat("The installation ", DisplayName(NameOf(node)), " is there."));
    }
    return {"upgrade", action_ == "upgrade" ? "" : "It is installed already."};
  }

  TaskAction Uninstall(const Node& node) {
    std::set<InstallationName> going;
    for (const Edge* edge : table_.RequiredBy(node)) {
      const Node& parent = table_.From(*edge);
      const TaskAction& of_parent = Of(parent);
      if (of_parent.action != "uninstall") {
        return Skip(absl::StrCat(DisplayName(NameOf(parent)), " stays, and needs it."));
      }
      going.insert(NameOf(parent));
    }
    if (!state_.known()) {
      if (!IsReused(node) && !table_.IsShared(node)) return {"uninstall", ""};
      return Skip("Others may use it: only with --state or --installations it is known who does.");
    }
    return UninstallKnown(node, going);
  }

  // `going` are its users in this plan, which go first.
  TaskAction UninstallKnown(const Node& node, const std::set<InstallationName>& going) {
    const InstallationName& name = NameOf(node);
    const Installation* const existing = state_.Find(name);
    if (existing == nullptr) return Skip("There is no such installation.");
    std::set<InstallationName> users = state_.UsersOf(name);
    for (const InstallationName& one : going) users.erase(one);
    if (!users.empty()) {
      return Skip(
          absl::StrCat(Names(users), users.size() == 1 ? " still uses it." : " still use it."));
    }
    if (existing->labels.count(std::string(kParentInstallationLabel)) == 0) {
      return Skip("It was installed by itself, and is uninstalled by itself.");
    }
    if (!node.bundle) {
      return Skip("Its bundle is not known here: uninstall it by itself.");
    }
    // What is below a reused installation is not in the solution.
    std::set<InstallationName> made = state_.MadeFor(name);
    for (const Edge* edge : table_.RequiresOf(node)) {
      made.erase(NameOf(table_.To(*edge)));
    }
    if (!made.empty()) {
      return Skip(absl::StrCat(Names(made), made.size() == 1 ? " was" : " were",
                               " installed for it: uninstall it by itself."));
    }
    return {"uninstall", ""};
  }

  const NodeTable& table_;
  const std::string& action_;
  const Installations& installations_;
  const InstalledState& state_;
  TaskActions actions_;
  std::vector<bool> decided_;  // By place.
  std::vector<Diagnostic> errors_;
};

}  // namespace

bool HasPart(const std::vector<std::string>& apply_to, const std::string& action) {
  return apply_to.empty() || std::find(apply_to.begin(), apply_to.end(), action) != apply_to.end();
}

absl::StatusOr<TaskActions> ActionsOf(const NodeTable& table, const std::string& action,
                                      const Installations& installations,
                                      const InstalledState& state) {
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
  return Actions(table, action, installations, state).Run();
}

}  // namespace deps
