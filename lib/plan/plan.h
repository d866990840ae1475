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
#include "lib/model/plan.h"

namespace deps {

struct PlanOptions {
  // "install", "upgrade", "uninstall", or an action that the root defines.
  std::string action = "install";
  std::string installation;  // "": the root bundle's name.
  std::string name_space;
  // [NODE#]NAME=VALUE; NODE is an id, a path or an alias, the root by default.
  std::vector<std::string> params;
  // Entries of Porter's sets by "NAME" or "NODE#NAME" (see sets.h). A value is
  // text as a user typed it or any JSON value. Entries that no node defines are
  // ignored: sets are shared between installations.
  std::map<std::string, ValueSource> parameter_set;
  std::map<std::string, ValueSource> credential_set;
  // PROVIDER:PREFIX for sensitive outputs; "" leaves them to the state.
  std::string sink;
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
// - Tasks: one for each node. A reused installation is a task of action "skip".
//   A custom action runs where the bundle defines it, else the task is "skip".
//   Uninstall takes away the root and what belongs to it alone; what is shared
//   is "skip", with all below it. Upgrade installs what is shared and was not
//   found.
// - Order: what needs comes after what is needed; the reverse for uninstall.
// - A parameter's source, first that applies: `params`, `parameter_set`, the
//   wiring of its parent, its default. A credential's: `credential_set`, wiring.
// - Installations: the root's own name; PARENT-ALIAS for an unshared dependency;
//   ALIAS for a shared one; all in the root's namespace.
//
// Errors: plan-unsolved; plan-action; plan-value; plan-sensitive; usage and
// solve-unknown-node (params); graph-cycle; graph-unknown-name, template-invalid
// (a solution that was edited).
//
// Time: O((nodes + edges + inputs) log).
absl::StatusOr<PlanResult> MakePlan(const Graph& solution, const PlanOptions& options);

}  // namespace deps

#endif  // DEPS_LIB_PLAN_PLAN_H_
