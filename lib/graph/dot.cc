#include <string>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "lib/graph/show.h"

namespace deps {
namespace {

std::string Quoted(std::string_view text) {
  return absl::StrCat(
      "\"", absl::StrReplaceAll(text, {{"\\", "\\\\"}, {"\"", "\\\""}, {"\n", " "}, {"\r", " "}}),
      "\"");
}

// Two lines: what it is called here, and which bundle it is.
std::string Label(const Node& node) {
  const std::string first = Quoted(node.alias.empty() ? node.id : node.alias);
  const std::string second = Quoted(
      node.bundle ? absl::StrCat(node.bundle->name, " ", node.bundle->version) : node.reference);
  return absl::StrCat(first.substr(0, first.size() - 1), "\\n", second.substr(1));
}

std::string EdgeLabel(const Edge& edge) {
  if (edge.kind == Edge::Kind::kWiring) {
    return absl::StrCat(edge.field, ".", edge.name, " = ", edge.output);
  }
  return edge.version;
}

}  // namespace

std::string FormatDot(const Graph& graph) {
  std::string text = "digraph dependencies {\n  rankdir=LR;\n  node [shape=box];\n";
  for (const Node& node : graph.nodes) {
    absl::StrAppend(&text, "  ", Quoted(node.id), " [label=", Label(node),
                    node.bundle ? "" : ", style=dashed", "];\n");
  }
  for (const Edge& edge : graph.edges) {
    absl::StrAppend(&text, "  ", Quoted(edge.from), " -> ", Quoted(edge.to),
                    " [label=", Quoted(EdgeLabel(edge)),
                    edge.kind == Edge::Kind::kWiring ? ", style=dashed" : "", "];\n");
  }
  return text + "}\n";
}

}  // namespace deps
