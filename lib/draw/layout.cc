#include "lib/draw/layout.h"

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "lib/draw/columns.h"
#include "lib/draw/graphviz.h"
#include "lib/draw/measure.h"

namespace deps {
namespace {

constexpr size_t kMostLetters = 36;
constexpr size_t kMostLettersOfLabel = 22;
// Graphviz takes a time that grows faster than the picture.
constexpr size_t kMostNodesForGraphviz = 2000;
constexpr size_t kMostLinesForGraphviz = 6000;

Box BoxOf(const PictureNode& node) {
  Box box;
  double width = 0;
  const auto add = [&](const std::string& text, double size, double extra) {
    if (text.empty()) return;
    box.lines.push_back(Shortened(text, kMostLetters));
    width = std::max(width, TextWidth(box.lines.back(), size) + extra);
  };
  add(node.title, 14.5, 0);
  add(node.subtitle, 12, 0);
  add(node.note, 11, node.group.empty() ? 0 : 14);
  box.width = std::max(90.0, width + 30);
  box.height = 16 + 17.0 * static_cast<double>(std::max<size_t>(box.lines.size(), 1));
  return box;
}

std::vector<Line> LinesOf(const Picture& picture) {
  std::vector<Line> lines;
  std::map<std::pair<size_t, size_t>, size_t> dashed;
  for (const PictureEdge& edge : picture.edges) {
    const std::string detail = absl::StrCat(edge.name, edge.label.empty() ? "" : ": ", edge.label);
    if (edge.dashed) {
      const auto [known, is_new] = dashed.try_emplace({edge.from, edge.to}, lines.size());
      if (!is_new) {
        lines[known->second].details.push_back(detail);
        continue;
      }
    }
    lines.push_back({.from = edge.from,
                     .to = edge.to,
                     .dashed = edge.dashed,
                     .label = edge.dashed ? "" : Shortened(edge.label, kMostLettersOfLabel),
                     .details = {detail}});
  }
  return lines;
}

}  // namespace

Layout LayOut(const Picture& picture) {
  Layout layout;
  for (const PictureNode& node : picture.nodes) layout.boxes.push_back(BoxOf(node));
  layout.lines = LinesOf(picture);
  const bool small =
      layout.boxes.size() <= kMostNodesForGraphviz && layout.lines.size() <= kMostLinesForGraphviz;
  if (!small || !PlaceWithGraphviz(&layout)) PlaceInColumns(&layout);
  return layout;
}

}  // namespace deps
