#include <string>
#include <string_view>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "lib/graph/show.h"

namespace deps {
namespace {

// Mermaid knows HTML's entities, and no other escape.
std::string Quoted(std::string_view text) {
  return absl::StrCat("\"",
                      absl::StrReplaceAll(text, {{"&", "&amp;"},
                                                 {"\"", "&quot;"},
                                                 {"<", "&lt;"},
                                                 {">", "&gt;"},
                                                 {"#", "&num;"},
                                                 {"\n", " "},
                                                 {"\r", " "}}),
                      "\"");
}

std::string Label(const Node& node) {
  const std::string name = node.alias.empty() ? node.id : node.alias;
  return Quoted(node.bundle ? absl::StrCat(name, ": ", node.bundle->name, " ", node.bundle->version)
                            : absl::StrCat(name, ": ", node.reference));
}

}  // namespace

std::string FormatMermaid(const Graph& graph) {
  std::string text = "flowchart LR\n";
  absl::flat_hash_map<std::string, std::string> names;  // Ids may hold what Mermaid cannot.
  for (const Node& node : graph.nodes) {
    const std::string name = absl::StrCat("n", names.size());
    names.emplace(node.id, name);
    absl::StrAppend(&text, "  ", name, "[", Label(node), "]\n");
  }
  for (const Edge& edge : graph.edges) {
    const bool is_wiring = edge.kind == Edge::Kind::kWiring;
    const std::string label =
        is_wiring ? absl::StrCat(edge.field, ".", edge.name, " = ", edge.output) : edge.version;
    absl::StrAppend(&text, "  ", names.at(edge.from), is_wiring ? " -.->" : " -->");
    if (!label.empty()) absl::StrAppend(&text, "|", Quoted(label), "|");
    absl::StrAppend(&text, " ", names.at(edge.to), "\n");
  }
  return text;
}

}  // namespace deps
