#include "lib/plan/node_table.h"

#include <algorithm>
#include <numeric>

#include "absl/strings/str_cat.h"

namespace deps {
namespace {

// They are looked through one by one.
constexpr size_t kFewEdges = 16;

bool HasPath(const Node& node, std::string_view root, std::string_view name) {
  const std::string below_root = absl::StrCat(std::string(root), "/", std::string(name));
  return node.id == name ||
         std::any_of(node.paths.begin(), node.paths.end(),
                     [&](const std::string& path) { return path == name || path == below_root; });
}

}  // namespace

NodeTable::NodeTable(const Graph& graph) : graph_(graph) {
  by_id_.reserve(graph.nodes.size());
  for (const Node& node : graph.nodes) by_id_[node.id] = &node;
  ends_.reserve(graph.edges.size());
  const Edge* last = nullptr;
  for (const Edge& edge : graph.edges) {
    // They are sorted by what they come from.
    const bool is_same = last != nullptr && last->from == edge.from;
    ends_.push_back({is_same ? ends_.back().from : PlaceOf(edge.from), PlaceOf(edge.to)});
    last = &edge;
  }
  required_by_ = ListsBy(&Ends::to);
  requires_of_ = ListsBy(&Ends::from);
  for (const Node& node : graph.nodes) {
    const absl::Span<const Edge* const> edges = RequiresOf(node);
    if (edges.size() <= kFewEdges) continue;
    for (const Edge* edge : edges) by_alias_.try_emplace({IndexOf(node), edge->alias}, edge);
  }
}

size_t NodeTable::PlaceOf(std::string_view id) const {
  const Node* const node = Find(id);
  return node == nullptr ? kNone : IndexOf(*node);
}

NodeTable::EdgeLists NodeTable::ListsBy(size_t Ends::*end) const {
  EdgeLists lists;
  lists.begins.resize(graph_.nodes.size() + 1);
  const auto for_each = [&](const auto& visit) {
    for (size_t i = 0; i < graph_.edges.size(); ++i) {
      const Edge& edge = graph_.edges[i];
      if (edge.kind == Edge::Kind::kRequires && HasEnds(edge)) visit(edge, ends_[i].*end);
    }
  };
  for_each([&](const Edge&, size_t node) { ++lists.begins[node + 1]; });
  std::partial_sum(lists.begins.begin(), lists.begins.end(), lists.begins.begin());
  lists.edges.resize(lists.begins.back());
  std::vector<size_t> next(lists.begins.begin(), lists.begins.end() - 1);
  for_each([&](const Edge& edge, size_t node) { lists.edges[next[node]++] = &edge; });
  return lists;
}

absl::Span<const Edge* const> NodeTable::ListOf(const EdgeLists& lists, const Node& node) const {
  const size_t begin = lists.begins[IndexOf(node)];
  return {lists.edges.data() + begin, lists.begins[IndexOf(node) + 1] - begin};
}

const Node* NodeTable::Find(std::string_view id) const {
  const auto found = by_id_.find(id);
  return found == by_id_.end() ? nullptr : found->second;
}

std::vector<const Node*> NodeTable::Named(std::string_view name) const {
  std::vector<const Node*> nodes;
  for (const Node& node : graph_.nodes) {
    if (HasPath(node, graph_.root, name)) nodes.push_back(&node);
  }
  if (!nodes.empty()) return nodes;
  for (const Node& node : graph_.nodes) {
    const absl::Span<const Edge* const> edges = RequiredBy(node);
    const bool alias = std::any_of(edges.begin(), edges.end(),
                                   [&](const Edge* edge) { return edge->alias == name; });
    if (alias) nodes.push_back(&node);
  }
  return nodes;
}

absl::Span<const Edge* const> NodeTable::RequiredBy(const Node& node) const {
  return ListOf(required_by_, node);
}

absl::Span<const Edge* const> NodeTable::RequiresOf(const Node& node) const {
  return ListOf(requires_of_, node);
}

const Edge* NodeTable::Requires(const Node& node, std::string_view alias) const {
  if (RequiresOf(node).size() > kFewEdges) {
    const auto found = by_alias_.find({IndexOf(node), alias});
    return found == by_alias_.end() ? nullptr : found->second;
  }
  for (const Edge* edge : RequiresOf(node)) {
    if (edge->alias == alias) return edge;
  }
  return nullptr;
}

bool NodeTable::IsShared(const Node& node) const {
  const absl::Span<const Edge* const> edges = RequiredBy(node);
  return !edges.empty() && edges.front()->sharing.has_value() &&
         edges.front()->sharing->mode == Sharing::Mode::kGroup;
}

std::string NodeTable::Pointer(const Node& node) const {
  return absl::StrCat("/nodes/", IndexOf(node));
}

}  // namespace deps
