#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "lib/graph/describe.h"
#include "lib/graph/show.h"

namespace deps {
namespace {

constexpr std::string_view kBold = "1";
constexpr std::string_view kQuiet = "2";
constexpr std::string_view kGreen = "32";
constexpr std::string_view kYellow = "33";
constexpr std::string_view kPurple = "35";
constexpr std::string_view kCyan = "36";

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
  Tree(const Graph& graph, bool color) : graph_(graph), color_(color) {
    for (const Node& node : graph.nodes) nodes_.emplace(node.id, &node);
    for (const Edge& edge : graph.edges) {
      if (edge.kind == Edge::Kind::kRequires) edges_[edge.from].push_back(&edge);
    }
    // Edges are sorted by target; people look for the alias.
    for (auto& [from, edges] : edges_) {
      std::sort(edges.begin(), edges.end(),
                [](const Edge* a, const Edge* b) { return a->alias < b->alias; });
    }
  }

  std::string Show() {
    const Node& root = *nodes_.at(graph_.root);
    Add(kBold, BundleText(root));
    text_ += "\n";
    shown_.insert(root.id);
    PushBelow(root.id, "");
    while (!open_.empty()) {
      const Branch branch = std::move(open_.back());
      open_.pop_back();
      ShowBranch(branch);
    }
    return std::move(text_);
  }

 private:
  struct Branch {
    const Edge* edge = nullptr;
    std::string margin;
    bool is_last = false;
  };

  // A stack instead of recursion: graphs may be deep.
  void PushBelow(const std::string& id, const std::string& margin) {
    const auto found = edges_.find(id);
    if (found == edges_.end()) return;
    const std::vector<const Edge*>& edges = found->second;
    for (size_t i = edges.size(); i > 0; --i) {
      open_.push_back({.edge = edges[i - 1], .margin = margin, .is_last = i == edges.size()});
    }
  }

  void ShowBranch(const Branch& branch) {
    const Edge& edge = *branch.edge;
    const Node& node = *nodes_.at(edge.to);
    const bool is_new = shown_.insert(edge.to).second;
    Add(kQuiet, absl::StrCat(branch.margin, branch.is_last ? "└── " : "├── "));
    Describe(node, edge);
    if (!is_new) Add(kQuiet, edges_.contains(edge.to) ? " (shared) …" : " (shared)");
    text_ += "\n";
    if (is_new) PushBelow(edge.to, branch.margin + (branch.is_last ? "    " : "│   "));
  }

  void Describe(const Node& node, const Edge& edge) {
    Add(kBold, absl::StrCat(edge.alias, ": "));
    const std::string bundle = BundleText(node);
    const bool is_reused = node.resolution && node.resolution->installation;
    if (bundle.empty() && !is_reused) {
      Add(kYellow, MissingText(node));
    } else {
      Add(kCyan, bundle.empty() ? "installation" : bundle);
    }
    if (!edge.version.empty()) Add(kQuiet, absl::StrCat(" [", edge.version, "]"));
    if (edge.sharing && edge.sharing->mode == Sharing::Mode::kGroup &&
        !edge.sharing->group.empty()) {
      Add(kPurple, absl::StrCat(" group ", edge.sharing->group));
    }
    if (!node.resolution) return;
    if (is_reused) {
      Add(kGreen, absl::StrCat(" reuses ", InstallationText(*node.resolution->installation)));
    }
    Add(kQuiet, absl::StrCat(" (", node.resolution->by, ": ", node.resolution->reason, ")"));
  }

  void Add(std::string_view style, std::string_view text) {
    if (!color_) {
      text_ += Visible(text);
    } else if (!text.empty()) {
      absl::StrAppend(&text_, "\033[", style, "m", Visible(text), "\033[0m");
    }
  }

  const Graph& graph_;
  const bool color_;
  absl::flat_hash_map<std::string, const Node*> nodes_;
  absl::flat_hash_map<std::string, std::vector<const Edge*>> edges_;
  absl::flat_hash_set<std::string> shown_;
  std::vector<Branch> open_;
  std::string text_;
};

std::string NoSolution(const Graph& solution) {
  if (solution.explanation.empty()) return "no solution\n";
  const Explanation& last = solution.explanation.back();
  std::string text = absl::StrCat(Visible(last.message), "\n");
  for (const std::string& line : ExplanationLines(solution.explanation)) {
    absl::StrAppend(&text, "  ", Visible(line), "\n");
  }
  if (!last.hint.empty()) absl::StrAppend(&text, "hint: ", Visible(last.hint), "\n");
  return text;
}

}  // namespace

std::vector<std::string> ExplanationLines(const std::vector<Explanation>& steps) {
  if (steps.size() == 1) return steps.front().because;
  std::vector<std::string> lines;
  for (size_t i = 0; i < steps.size(); ++i) {
    lines.push_back(absl::StrCat(i + 1, ". ", steps[i].message, ", because"));
    for (const std::string& because : steps[i].because) {
      lines.push_back(absl::StrCat("     ", because));
    }
  }
  return lines;
}

std::string FormatTree(const Graph& graph, bool color) {
  if (graph.status == "unsatisfiable") return NoSolution(graph);
  return Tree(graph, color).Show();
}

}  // namespace deps
