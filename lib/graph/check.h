// What can only be checked in a whole graph.
#ifndef DEPS_LIB_GRAPH_CHECK_H_
#define DEPS_LIB_GRAPH_CHECK_H_

#include <vector>

#include "lib/diag/diagnostic.h"
#include "lib/expand/expand.h"
#include "lib/model/graph.h"

namespace deps {

// All that is wrong, each at its place in what stands for its node: graph-unknown-name
// (outputs that are read, parameters and credentials that are passed, in the
// order of the edges), then graph-cycle. Among the former are warnings,
// graph-unmapped, for a node whose first parent leaves out what is required.
// Nothing is said of nodes without bundle. What a bundle promotes from its
// dependencies is one of its outputs.
//
// Time: O(nodes + edges) and the cycles'.
std::vector<Diagnostic> CheckGraph(const Graph& graph, const NodeDefinitions& definitions);

}  // namespace deps

#endif  // DEPS_LIB_GRAPH_CHECK_H_
