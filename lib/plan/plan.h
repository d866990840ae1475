// From a Solution to a Plan: which tasks, in which order, and where each of
// their inputs comes from (contract section 6, PEP003 rules 7, 9 and 10).
//
// Pure: nothing is looked up, no clock, no file. The same solution and options
// give the same plan and digest.
#ifndef DEPS_LIB_PLAN_PLAN_H_
#define DEPS_LIB_PLAN_PLAN_H_

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "lib/diag/diagnostic.h"
#include "lib/model/graph.h"
#include "lib/model/installation.h"
#include "lib/model/plan.h"
#include "lib/plan/sets.h"

namespace deps {

struct PlanOptions {
  // "install", "upgrade", "uninstall", or an action that the root defines.
  std::string action = "install";
  std::string installation;  // "": the root bundle's name.
  std::string name_space;
  // NODE=NAME: the installation of another node.
  std::vector<std::string> installation_of;
  // [NODE#]NAME=VALUE; NODE is an id, a path or an alias, the root by default.
  std::vector<std::string> params;
  // Porter's sets. A value is text as a user typed it or any JSON value. Entries
  // that no node defines are ignored: sets are shared between installations.
  InputSet parameter_set;
  InputSet credential_set;
  // PROVIDER:PREFIX for sensitive outputs; "" leaves them to the state.
  std::string sink;
  // What is installed; absent where that is not known.
  std::optional<std::vector<Installation>> installations;
  // Upgrades also what would not change.
  bool force = false;
};

struct PlanResult {
  // Absent where anything is missing.
  std::optional<Plan> plan;
  // Required parameters and credentials without a source, of all nodes, by
  // (node, field, name): errors of id plan-missing.
  std::vector<Diagnostic> missing;
};

// Plans `solution`.
//
// - Tasks: one for each node, each with a reason where it is not the plan's own
//   action. A reused installation is a task of action "skip". A custom action
//   runs where the bundle defines it, else the task is "skip".
//   Upgrade: the root, and what belongs to it alone; what is shared and was not
//   found is installed.
//   Uninstall: the root, and what belongs to it alone; what is shared is "skip",
//   and so is all below it.
// - With `installations`: install upgrades what is there already and the parent's
//   own; upgrade installs what is not there, and is "skip" where neither the
//   bundle's digest nor an input is another, and nothing that it reads runs;
//   uninstall takes away what is shared too, where it was made for a parent and
//   nobody else uses it. What has the name of another's installation is refused.
// - Order: what needs comes after what is needed; the reverse for uninstall.
// - A parameter's source, first that applies: `params`, `parameter_set`, the
//   wiring of its parent, the bundle's own parameter sources, its default. A
//   credential's: `credential_set`, wiring. Values fit their definitions.
//   A parameter whose source is an output of its own task has what the
//   installation left in an earlier run; where it left none, its default.
// - Installations: the root's own name; PARENT-ALIAS for an unshared dependency;
//   ALIAS for a shared one; all in the root's namespace.
//
// Errors: plan-unsolved; plan-action; plan-value; plan-sensitive; plan-clash;
// plan-not-installed; plan-sink; usage and solve-unknown-node (params,
// installation_of); graph-cycle; graph-unknown-name, template-invalid (a solution
// that was edited).
//
// The plan gets the bundles of `solution`; what is left of it is the caller's to
// free.
//
// Time: O((nodes + edges + inputs) log).
absl::StatusOr<PlanResult> MakePlan(Graph&& solution, const PlanOptions& options);

}  // namespace deps

#endif  // DEPS_LIB_PLAN_PLAN_H_
