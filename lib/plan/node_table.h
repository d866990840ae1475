// The nodes and edges of a graph, by what the planner asks for.
#ifndef DEPS_LIB_PLAN_NODE_TABLE_H_
#define DEPS_LIB_PLAN_NODE_TABLE_H_

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "lib/model/graph.h"

namespace deps {

// Keeps a reference to the graph, which must outlive it.
class NodeTable {
 public:
  explicit NodeTable(const Graph& graph);

  const Graph& graph() const { return graph_; }
  const Node& root() const { return *by_id_.at(graph_.root); }
  // nullptr where there is none.
  const Node* Find(std::string_view id) const;
  // The nodes that a user means by an id, a path, a path without "root/", or
  // else an alias; by id. Empty where there are none.
  std::vector<const Node*> Named(std::string_view name) const;
  // The edges that require the node; none for the root. In document order.
  const std::vector<const Edge*>& RequiredBy(const std::string& id) const;
  // The edges by which the node requires others.
  const std::vector<const Edge*>& RequiresOf(const std::string& id) const;
  const std::vector<const Edge*>& WiringOf(const std::string& id) const;
  // The edge by which `id` requires `alias`, or nullptr.
  const Edge* Requires(const std::string& id, std::string_view alias) const;
  bool IsShared(const Node& node) const;
  // Its place in the graph's list.
  size_t IndexOf(const Node& node) const {
    return static_cast<size_t>(&node - graph_.nodes.data());
  }
  // "/nodes/3"
  std::string Pointer(const Node& node) const;

 private:
  using EdgeLists = absl::flat_hash_map<std::string_view, std::vector<const Edge*>>;

  const Graph& graph_;
  absl::flat_hash_map<std::string_view, const Node*> by_id_;
  EdgeLists required_by_;
  EdgeLists requires_of_;
  EdgeLists wiring_of_;
};

}  // namespace deps

#endif  // DEPS_LIB_PLAN_NODE_TABLE_H_
