#include <algorithm>
#include <string>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "lib/draw/picture.h"

namespace deps {
namespace {

// Mermaid knows HTML's entities, and no other escape.
std::string Inner(std::string_view text) {
  return absl::StrReplaceAll(text, {{"&", "&amp;"},
                                    {"\"", "&quot;"},
                                    {"<", "&lt;"},
                                    {">", "&gt;"},
                                    {"#", "&num;"},
                                    {"\n", " "},
                                    {"\r", " "}});
}

std::string Label(const PictureNode& node) {
  std::string label = Inner(node.title);
  for (const std::string* line : {&node.subtitle, &node.note}) {
    if (!line->empty()) absl::StrAppend(&label, label.empty() ? "" : "<br/>", Inner(*line));
  }
  return absl::StrCat("\"", label, "\"");
}

std::string_view ClassOf(PictureNode::Kind kind) {
  switch (kind) {
    case PictureNode::Kind::kPlain:
      return "";
    case PictureNode::Kind::kStart:
      return ":::start";
    case PictureNode::Kind::kReused:
      return ":::reused";
    case PictureNode::Kind::kOpen:
      return ":::open";
  }
  return "";
}

}  // namespace

std::string FormatMermaid(const Picture& picture) {
  std::string text = "flowchart LR\n";
  // Ids may hold what Mermaid cannot.
  for (size_t i = 0; i < picture.nodes.size(); ++i) {
    const PictureNode& node = picture.nodes[i];
    absl::StrAppend(&text, "  n", i, "[", Label(node), "]", ClassOf(node.kind), "\n");
  }
  for (const PictureEdge& edge : picture.edges) {
    absl::StrAppend(&text, "  n", edge.from, edge.dashed ? " -.->" : " -->");
    if (!edge.label.empty()) absl::StrAppend(&text, "|\"", Inner(edge.label), "\"|");
    absl::StrAppend(&text, " n", edge.to, "\n");
  }
  const auto has = [&](PictureNode::Kind kind) {
    return std::any_of(picture.nodes.begin(), picture.nodes.end(),
                       [&](const PictureNode& node) { return node.kind == kind; });
  };
  if (has(PictureNode::Kind::kStart)) text += "  classDef start stroke-width:3px\n";
  if (has(PictureNode::Kind::kReused)) text += "  classDef reused stroke:#2e7d32\n";
  if (has(PictureNode::Kind::kOpen)) text += "  classDef open stroke-dasharray:4\n";
  return text;
}

}  // namespace deps
