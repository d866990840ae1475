#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "lib/graph/show.h"

namespace deps {
namespace {

// What comes from a bundle cannot steer the terminal.
std::string Visible(std::string_view text) {
  std::string visible;
  for (const char c : text) {
    if (absl::ascii_iscntrl(static_cast<unsigned char>(c))) {
      absl::StrAppendFormat(&visible, "\\x%02x", static_cast<unsigned char>(c));
    } else {
      visible += c;
    }
  }
  return visible;
}

class Tree {
 public:
  explicit Tree(const Graph& graph) {
    for (const Node& node : graph.nodes) nodes_.emplace(node.id, &node);
    for (const Edge& edge : graph.edges) {
      if (edge.kind == Edge::Kind::kRequires) edges_[edge.from].push_back(&edge);
    }
    // Edges are sorted by target; people look for the alias.
    for (auto& [from, edges] : edges_) {
      std::sort(edges.begin(), edges.end(),
                [](const Edge* a, const Edge* b) { return a->alias < b->alias; });
    }
    const Node& root = *nodes_.at(graph.root);
    absl::StrAppend(&text_, Describe(root, nullptr), "\n");
    shown_.insert(root.id);
    Show(root.id, "");
  }

  std::string Take() { return std::move(text_); }

 private:
  void Show(const std::string& id, const std::string& margin) {
    const auto found = edges_.find(id);
    if (found == edges_.end()) return;
    for (size_t i = 0; i < found->second.size(); ++i) {
      const Edge& edge = *found->second[i];
      const bool is_last = i + 1 == found->second.size();
      const bool is_new = shown_.insert(edge.to).second;
      const bool folded = !is_new && edges_.contains(edge.to);
      absl::StrAppend(&text_, margin, is_last ? "└── " : "├── ",
                      Describe(*nodes_.at(edge.to), &edge), is_new ? "" : " (shared)",
                      folded ? " …" : "", "\n");
      if (is_new) Show(edge.to, margin + (is_last ? "    " : "│   "));
    }
  }

  static std::string Describe(const Node& node, const Edge* edge) {
    std::string text = edge == nullptr ? "" : absl::StrCat(edge->alias, ": ");
    if (node.bundle) {
      absl::StrAppend(&text, node.bundle->name, " ", node.bundle->version);
    } else if (!node.reference.empty()) {
      absl::StrAppend(&text, node.reference, " not found");
    } else {
      absl::StrAppend(&text, "any bundle with its interface");
    }
    if (edge != nullptr && !edge->version.empty()) absl::StrAppend(&text, " [", edge->version, "]");
    if (edge != nullptr && edge->sharing && edge->sharing->mode == Sharing::Mode::kGroup &&
        !edge->sharing->group.empty()) {
      absl::StrAppend(&text, " group ", edge->sharing->group);
    }
    return Visible(text);
  }

  absl::flat_hash_map<std::string, const Node*> nodes_;
  absl::flat_hash_map<std::string, std::vector<const Edge*>> edges_;
  absl::flat_hash_set<std::string> shown_;
  std::string text_;
};

}  // namespace

std::string FormatTree(const Graph& graph) { return Tree(graph).Take(); }

}  // namespace deps
