#include "lib/solve/solution_tree.h"

#include <set>

#include "absl/strings/str_cat.h"
#include "lib/oci/reference.h"

namespace deps {
namespace {

std::string Describe(const Node& node) {
  if (!node.resolution) {
    return node.bundle ? absl::StrCat(node.bundle->name, " ", node.bundle->version) : "?";
  }
  const Resolution& resolution = *node.resolution;
  std::string what;
  if (resolution.installation) {
    what = absl::StrCat("installation ", resolution.installation->name_space, "/",
                        resolution.installation->name);
  } else {
    const absl::StatusOr<Reference> reference = Reference::Parse(resolution.reference);
    what = reference.ok() ? reference->FamiliarRepository() : resolution.reference;
  }
  if (!resolution.version.empty()) absl::StrAppend(&what, " ", resolution.version);
  return absl::StrCat(what, "  (", resolution.by, ": ", resolution.reason, ")");
}

class Tree {
 public:
  explicit Tree(const Graph& solution) : solution_(solution) {}

  std::string Run() {
    if (const Node* root = solution_.Find(solution_.root)) Add(*root, "", "");
    return std::move(text_);
  }

 private:
  void Add(const Node& node, const std::string& indent, const std::string& alias) {
    const bool again = !seen_.insert(node.id).second;
    const std::string name = alias.empty() ? "" : absl::StrCat(alias, ": ");
    absl::StrAppend(&text_, indent, name, Describe(node), again ? " *" : "", "\n");
    if (again) return;
    for (const Edge& edge : solution_.edges) {
      if (edge.kind != Edge::Kind::kRequires || edge.from != node.id) continue;
      const Node* next = solution_.Find(edge.to);
      if (next != nullptr) Add(*next, absl::StrCat(indent, "  "), edge.alias);
    }
  }

  const Graph& solution_;
  std::set<std::string> seen_;
  std::string text_;
};

}  // namespace

std::string FormatSolutionTree(const Graph& solution) {
  if (solution.status == "solved") return Tree(solution).Run();
  std::string text = "no solution\n";
  for (const Explanation& step : solution.explanation) {
    absl::StrAppend(&text, step.message, "\n");
    for (const std::string& because : step.because) absl::StrAppend(&text, "  ", because, "\n");
  }
  return text;
}

}  // namespace deps
