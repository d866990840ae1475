#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/str_cat.h"
#include "lib/draw/layout.h"
#include "lib/draw/markup.h"
#include "lib/draw/outline.h"
#include "lib/draw/picture.h"
#include "lib/draw/svg.h"
#include "lib/json/json.h"

namespace deps {
namespace {

using json::Value;

constexpr std::string_view kCss =
#include "lib/draw/page_css.inc"
    ;

constexpr std::string_view kScript =
#include "lib/draw/page_js.inc"
    ;

// What the script knows. Written like Go does, it holds no "<", so that it
// cannot end the element that it is in.
std::string Data(const Picture& picture) {
  Value nodes = Value::Array();
  for (const PictureNode& node : picture.nodes) {
    Value facts = Value::Array();
    for (const auto& [name, value] : node.facts) {
      facts.items.push_back(Value::Strings({name, value}));
    }
    nodes.items.push_back(Value::Object({{"id", Value::String(node.id)},
                                         {"title", Value::String(node.title)},
                                         {"subtitle", Value::String(node.subtitle)},
                                         {"note", Value::String(node.note)},
                                         {"facts", std::move(facts)}}));
  }
  Value edges = Value::Array();
  for (const PictureEdge& edge : picture.edges) {
    edges.items.push_back(Value::Object({{"from", Value::Integer(static_cast<int64_t>(edge.from))},
                                         {"to", Value::Integer(static_cast<int64_t>(edge.to))},
                                         {"name", Value::String(edge.name)},
                                         {"label", Value::String(edge.label)},
                                         {"dashed", Value::Boolean(edge.dashed)}}));
  }
  return json::FormatLikeGo(
      Value::Object({{"nodes", std::move(nodes)}, {"edges", std::move(edges)}}));
}

std::string Row(const Picture& picture, const OutlineRow& row) {
  const PictureNode& node = picture.nodes[row.node];
  const std::string& name =
      row.edge != nullptr && !row.edge->name.empty() ? row.edge->name : node.title;
  std::string text = absl::StrCat("<div role=\"treeitem\" tabindex=\"-1\" aria-level=\"", row.level,
                                  "\"", row.has_children ? " aria-expanded=\"true\"" : "",
                                  " data-node=\"", row.node, "\" style=\"--level:", row.level - 1,
                                  "\"><span class=\"twist\"></span><span class=\"name\">",
                                  Escaped(name), "</span>");
  if (!node.subtitle.empty()) {
    absl::StrAppend(&text, " <span class=\"what\">", Escaped(node.subtitle), "</span>");
  }
  if (node.kind == PictureNode::Kind::kReused) text += " <span class=\"tag reused\">reused</span>";
  if (node.kind == PictureNode::Kind::kOpen) text += " <span class=\"tag open\">open</span>";
  if (row.again) text += " <span class=\"tag\">above</span>";
  return text + "</div>\n";
}

std::string Head(const Picture& picture) {
  std::string text = absl::StrCat(
      "<header>\n<div><h1>", Escaped(picture.title), "</h1><p>", Escaped(picture.summary),
      "</p></div>\n"
      "<div class=\"tools\"><input id=\"search\" type=\"search\" placeholder=\"Search  ( / )\" "
      "aria-label=\"Search nodes\" autocomplete=\"off\" spellcheck=\"false\">"
      "<output id=\"hits\" for=\"search\"></output>"
      "<span class=\"buttons\"><button id=\"fold\" title=\"Fold the outline and the picture\">Fold"
      "</button><button id=\"unfold\">Unfold</button></span>"
      "<span class=\"buttons\"><button id=\"smaller\" aria-label=\"Smaller\">−</button>"
      "<button id=\"fit\" title=\"Show all ( 0 )\">Fit</button>"
      "<button id=\"larger\" aria-label=\"Larger\">+</button></span></div>\n</header>\n");
  if (picture.notes.empty()) return text;
  text += "<section class=\"notes\" aria-label=\"Notes\"><ul>\n";
  for (const std::string& note : picture.notes) {
    absl::StrAppend(&text, "<li>", Escaped(note), "</li>\n");
  }
  return text + "</ul></section>\n";
}

std::string Legend(const Picture& picture) {
  return absl::StrCat(
      "<p class=\"legend\" aria-hidden=\"true\"><svg width=\"26\" height=\"8\" class=\"line\">"
      "<path d=\"M0,4C8,4 18,4 26,4\"/></svg> ",
      Escaped(picture.line_meaning),
      " <svg width=\"26\" height=\"8\" class=\"line dashed\">"
      "<path d=\"M0,4C8,4 18,4 26,4\"/></svg> ",
      Escaped(picture.dashed_meaning), "</p>\n");
}

}  // namespace

std::string FormatHtml(const Picture& picture) {
  std::string text = absl::StrCat(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<meta name=\"color-scheme\" content=\"light dark\">\n<title>",
      Escaped(picture.title), "</title>\n<style>\n", kCss, SvgStyle(),
      "</style>\n</head>\n<body>\n", Head(picture),
      "<main>\n<nav aria-label=\"Outline\"><div role=\"tree\" id=\"outline\" aria-label=\"",
      Escaped(picture.title), "\">\n");
  for (const OutlineRow& row : OutlineOf(picture)) text += Row(picture, row);
  absl::StrAppend(&text,
                  "</div></nav>\n<section id=\"picture\" tabindex=\"0\" aria-label=\"Picture: "
                  "arrow keys move it, plus and minus zoom, 0 shows all\">\n",
                  SvgElement(picture, LayOut(picture), /*in_page=*/true), Legend(picture),
                  "</section>\n<aside id=\"details\" aria-live=\"polite\" aria-label=\"Details\" "
                  "hidden></aside>\n</main>\n<script type=\"application/json\" id=\"data\">",
                  Data(picture), "</script>\n<script>\n", kScript, "</script>\n</body>\n</html>\n");
  return text;
}

}  // namespace deps
