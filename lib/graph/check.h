// What can only be checked in a whole graph.
#ifndef DEPS_LIB_GRAPH_CHECK_H_
#define DEPS_LIB_GRAPH_CHECK_H_

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "lib/diag/diagnostic.h"
#include "lib/model/graph.h"

namespace deps {

// Where dependencies stand: (id of the node that requires, alias).
using DependencyPlaces = std::map<std::pair<std::string, std::string>, Location>;

// All that is wrong, each at the place of its dependency: graph-unknown-name
// (outputs that are read, parameters and credentials that are passed, in the
// order of the edges), then graph-cycle. Among the former are warnings,
// graph-unmapped, for a node whose first parent leaves out what is required.
// Nothing is said of nodes without bundle. What a bundle promotes from its
// dependencies is one of its outputs.
//
// Time: O(nodes + edges) and the cycles'.
std::vector<Diagnostic> CheckGraph(const Graph& graph, const DependencyPlaces& places);

}  // namespace deps

#endif  // DEPS_LIB_GRAPH_CHECK_H_
