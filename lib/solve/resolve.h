// From a Graph to a Solution: what stands for each dependency, and why
// (contract section 5, PEP003 rules 2 to 8).
#ifndef DEPS_LIB_SOLVE_RESOLVE_H_
#define DEPS_LIB_SOLVE_RESOLVE_H_

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "lib/bundle/catalog.h"
#include "lib/expand/expand.h"
#include "lib/model/graph.h"
#include "lib/model/installation.h"
#include "lib/model/lock.h"
#include "lib/solve/contender.h"

namespace deps {

struct ResolveOptions {
  ExpandOptions expand;
  std::string name_space;
  std::vector<std::string> uses;  // NODE=REFERENCE, NODE=installation:[NAMESPACE/]NAME
  std::vector<Installation> installations;
  std::optional<Lock> lock;           // Preferred where it fits.
  std::vector<std::string> upgrades;  // Nodes for which the lock does not count; "": all.
  Strategy strategy = Strategy::kHighest;
  std::vector<std::string> providers;  // References, for dependencies with only an interface.
  bool frozen = false;                 // What is locked is not looked up again.

  // Whether the lock counts for the node at this path.
  bool KeepsLocked(const std::string& path) const {
    return std::none_of(upgrades.begin(), upgrades.end(), [&](const std::string& node) {
      return node.empty() || path == node || path == std::string(kRootKey) + "/" + node;
    });
  }
};

struct ResolveResult {
  Graph solution;  // status "solved" or "unsatisfiable".
  Lock lock;       // Of a solution that is solved.
  // What differs from options.lock, as diagnostics of id lock-differs; by node.
  std::vector<Diagnostic> lock_differences;
};

// Solves `graph`, of which only the root and what it requires counts: the rest
// follows from what is chosen. For each node in this order: what `uses` says,
// the lock, an eligible installation, the best version in range, the reference
// itself. A node that several parents share gets one candidate that suits all.
//
// Where all that is locked still fits, nobody is asked for tags. Unless `frozen`,
// each tag of a full version that is kept is asked for its digest.
//
// "No solution" is an answer: a Solution with its explanation, whose last step
// has a hint where a change was found that works. What could not be looked up
// is an error, never taken for something that is not there.
//
// Errors: usage, solve-unknown-node, solve-limit, lock-tampered; those of the
// catalog, of WantsOf and of Expand.
absl::StatusOr<ResolveResult> Resolve(const Graph& graph, const ResolveOptions& options,
                                      Catalog& catalog);

}  // namespace deps

#endif  // DEPS_LIB_SOLVE_RESOLVE_H_
