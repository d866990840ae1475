// deps-graph's algorithm: every dependency's default, expanded and checked.
#ifndef DEPS_LIB_GRAPH_MAKE_H_
#define DEPS_LIB_GRAPH_MAKE_H_

#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "lib/bundle/catalog.h"
#include "lib/diag/diagnostic.h"
#include "lib/expand/expand.h"
#include "lib/model/bundle.h"
#include "lib/model/graph.h"

namespace deps {

struct GraphOptions {
  ExpandOptions expand;
  // A bundle that cannot be had is a warning on its node.
  bool keep_going = false;
  // What was found wrong when the root was read; it is told with the rest. What
  // else seems wrong at the place of one of them may follow from it, and what
  // cannot be looked up may not be meant: both wait until it is mended.
  std::vector<Diagnostic> mistakes;
};

// The default of a dependency is its reference; where that is only a
// repository, the highest version in range, or "latest" where there are no
// versions and any would do. Of references that meet in a shared node the
// highest one counts that is in all ranges, else the highest version of the
// repository that is. Where nothing is in range the node stays without bundle
// and the graph has a warning (graph-no-version).
//
// Errors, all at once and each at its place: bundles that cannot be had (those
// of Catalog); those of RequirementsOf; graph-unknown-name (an output that the
// bundle does not have, a parameter or credential that is passed to a bundle
// without it); graph-cycle, the shortest one of each circle of bundles.
// graph-depth ends the expansion.
absl::StatusOr<Graph> MakeGraph(std::shared_ptr<const BundleDefinition> root, Catalog& catalog,
                                const GraphOptions& options);

// The errors of `root` itself, which needs no other bundle for that: those of
// RequirementsOf, and the mistakes.
absl::Status CheckRoot(const BundleDefinition& root, const GraphOptions& options);

}  // namespace deps

#endif  // DEPS_LIB_GRAPH_MAKE_H_
