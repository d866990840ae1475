// Circles in a graph, through requires and wiring alike.
#ifndef DEPS_LIB_GRAPH_CYCLE_H_
#define DEPS_LIB_GRAPH_CYCLE_H_

#include <string>
#include <vector>

#include "lib/model/graph.h"

namespace deps {

struct Cycle {
  std::vector<const Edge*> edges;  // Each begins where the one before ends; the last closes it.
};

// For each set of nodes that all need each other (a strongly connected
// component) its shortest cycle, begun at its first node in the graph's order.
// Beyond a thousand nodes in a set, the shortest of those through the first
// thousand. Sets are in the order of those nodes.
//
// Time: O(nodes + edges) without cycles; at most a thousand times that with.
std::vector<Cycle> ShortestCycles(const Graph& graph);

// "a -> b -> a": aliases where they tell the nodes apart, else ids, or the names
// of bundles where ids are long. Of a long cycle its beginning and its end.
std::string FormatCycle(const Graph& graph, const Cycle& cycle);

}  // namespace deps

#endif  // DEPS_LIB_GRAPH_CYCLE_H_
