// The nodes and edges of a graph, by what the planner asks for.
#ifndef DEPS_LIB_PLAN_NODE_TABLE_H_
#define DEPS_LIB_PLAN_NODE_TABLE_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/types/span.h"
#include "lib/model/graph.h"

namespace deps {

// Whether it is an installation that was there before.
inline bool IsReused(const Node& node) { return node.resolution && node.resolution->installation; }

// Keeps a reference to the graph, which must outlive it. Of edges with an end that
// is no node it knows only that.
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
  absl::Span<const Edge* const> RequiredBy(const Node& node) const;
  // The edges by which the node requires others.
  absl::Span<const Edge* const> RequiresOf(const Node& node) const;
  // The edge by which `node` requires `alias`, or nullptr.
  const Edge* Requires(const Node& node, std::string_view alias) const;
  // Whether both its ends are nodes.
  bool HasEnds(const Edge& edge) const {
    return EndsOf(edge).from != kNone && EndsOf(edge).to != kNone;
  }
  // Its ends.
  const Node& From(const Edge& edge) const { return graph_.nodes[EndsOf(edge).from]; }
  const Node& To(const Edge& edge) const { return graph_.nodes[EndsOf(edge).to]; }
  bool IsShared(const Node& node) const;
  // Its place in the graph's list.
  size_t IndexOf(const Node& node) const {
    return static_cast<size_t>(&node - graph_.nodes.data());
  }
  // "/nodes/3"
  std::string Pointer(const Node& node) const;

 private:
  static constexpr size_t kNone = SIZE_MAX;
  // The places of its nodes.
  struct Ends {
    size_t from = kNone;
    size_t to = kNone;
  };
  // Lists of edges by the places of nodes, one behind the other.
  struct EdgeLists {
    std::vector<const Edge*> edges;
    std::vector<size_t> begins;  // One more than there are lists.
  };
  size_t PlaceOf(std::string_view id) const;
  EdgeLists ListsBy(size_t Ends::*end) const;
  absl::Span<const Edge* const> ListOf(const EdgeLists& lists, const Node& node) const;
  const Ends& EndsOf(const Edge& edge) const {
    return ends_[static_cast<size_t>(&edge - graph_.edges.data())];
  }

  const Graph& graph_;
  absl::flat_hash_map<std::string_view, const Node*> by_id_;
  std::vector<Ends> ends_;  // Of each edge.
  EdgeLists required_by_;
  EdgeLists requires_of_;
  // Of nodes that require many, the first edge of each alias.
  absl::flat_hash_map<std::pair<size_t, std::string_view>, const Edge*> by_alias_;
};

}  // namespace deps

#endif  // DEPS_LIB_PLAN_NODE_TABLE_H_
