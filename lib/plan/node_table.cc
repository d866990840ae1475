#include "lib/plan/node_table.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace deps {
namespace {

const std::vector<const Edge*>& ListOf(
    const absl::flat_hash_map<std::string_view, std::vector<const Edge*>>& lists,
    const std::string& id) {
  static const auto* const none = new std::vector<const Edge*>();
  const auto found = lists.find(id);
  return found == lists.end() ? *none : found->second;
}

bool HasPath(const Node& node, std::string_view root, std::string_view name) {
  const std::string below_root = absl::StrCat(std::string(root), "/", std::string(name));
  return node.id == name ||
         std::any_of(node.paths.begin(), node.paths.end(),
                     [&](const std::string& path) { return path == name || path == below_root; });
}

}  // namespace

NodeTable::NodeTable(const Graph& graph) : graph_(graph) {
  for (const Node& node : graph.nodes) by_id_[node.id] = &node;
  for (const Edge& edge : graph.edges) {
    if (edge.kind == Edge::Kind::kWiring) {
      wiring_of_[edge.from].push_back(&edge);
    } else {
      required_by_[edge.to].push_back(&edge);
      requires_of_[edge.from].push_back(&edge);
    }
  }
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
    const std::vector<const Edge*>& edges = RequiredBy(node.id);
    const bool alias = std::any_of(edges.begin(), edges.end(),
                                   [&](const Edge* edge) { return edge->alias == name; });
    if (alias) nodes.push_back(&node);
  }
  return nodes;
}

const std::vector<const Edge*>& NodeTable::RequiredBy(const std::string& id) const {
  return ListOf(required_by_, id);
}

const std::vector<const Edge*>& NodeTable::RequiresOf(const std::string& id) const {
  return ListOf(requires_of_, id);
}

const std::vector<const Edge*>& NodeTable::WiringOf(const std::string& id) const {
  return ListOf(wiring_of_, id);
}

const Edge* NodeTable::Requires(const std::string& id, std::string_view alias) const {
  for (const Edge* edge : RequiresOf(id)) {
    if (edge->alias == alias) return edge;
  }
  return nullptr;
}

bool NodeTable::IsShared(const Node& node) const {
  const std::vector<const Edge*>& edges = RequiredBy(node.id);
  return !edges.empty() && edges.front()->sharing.has_value() &&
         edges.front()->sharing->mode == Sharing::Mode::kGroup;
}

std::string NodeTable::Pointer(const Node& node) const {
  return absl::StrCat("/nodes/", IndexOf(node));
}

}  // namespace deps
