#include <string>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "lib/draw/picture.h"

namespace deps {
namespace {

// Without the quotes, so that lines can be joined.
std::string Inner(std::string_view text) {
  return absl::StrReplaceAll(text, {{"\\", "\\\\"}, {"\"", "\\\""}, {"\n", " "}, {"\r", " "}});
}

std::string Quoted(std::string_view text) { return absl::StrCat("\"", Inner(text), "\""); }

std::string Label(const PictureNode& node) {
  std::string label = Inner(node.title);
  for (const std::string* line : {&node.subtitle, &node.note}) {
    if (!line->empty()) absl::StrAppend(&label, label.empty() ? "" : "\\n", Inner(*line));
  }
  return absl::StrCat("\"", label, "\"");
}

std::string_view StyleOf(PictureNode::Kind kind) {
  switch (kind) {
    case PictureNode::Kind::kPlain:
      return "";
    case PictureNode::Kind::kStart:
      return ", penwidth=2";
    case PictureNode::Kind::kReused:
      return ", color=\"#2e7d32\", fontcolor=\"#1b5e20\"";
    case PictureNode::Kind::kOpen:
      return ", style=\"rounded,dashed\"";
  }
  return "";
}

}  // namespace

std::string FormatDot(const Picture& picture) {
  std::string text =
      absl::StrCat("digraph ", Quoted(picture.title),
                   " {\n  rankdir=LR;\n  node [shape=box, style=rounded, fontname=\"Helvetica\"];\n"
                   "  edge [fontname=\"Helvetica\", fontsize=10];\n");
  for (const std::string& note : picture.notes) {
    absl::StrAppend(&text, "  // ", absl::StrReplaceAll(note, {{"\n", " "}, {"\r", " "}}), "\n");
  }
  for (const PictureNode& node : picture.nodes) {
    absl::StrAppend(&text, "  ", Quoted(node.id), " [label=", Label(node), StyleOf(node.kind),
                    "];\n");
  }
  for (const PictureEdge& edge : picture.edges) {
    absl::StrAppend(&text, "  ", Quoted(picture.nodes[edge.from].id), " -> ",
                    Quoted(picture.nodes[edge.to].id), " [label=", Quoted(edge.label),
                    edge.dashed ? ", style=dashed" : "", "];\n");
  }
  return text + "}\n";
}

}  // namespace deps
