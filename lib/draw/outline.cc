#include "lib/draw/outline.h"

#include <algorithm>

namespace deps {

std::vector<OutlineRow> OutlineOf(const Picture& picture) {
  std::vector<std::vector<const PictureEdge*>> out(picture.nodes.size());
  for (const PictureEdge& edge : picture.edges) {
    if (!edge.dashed) out[edge.from].push_back(&edge);
  }
  for (std::vector<const PictureEdge*>& edges : out) {
    std::stable_sort(edges.begin(), edges.end(),
                     [](const PictureEdge* a, const PictureEdge* b) { return a->name < b->name; });
  }
  std::vector<bool> seen(picture.nodes.size(), false);
  std::vector<OutlineRow> rows;
  std::vector<OutlineRow> open;  // A stack: graphs may be deep.
  for (size_t start = 0; start < picture.nodes.size(); ++start) {
    if (seen[start]) continue;
    open.push_back({.node = start});
    while (!open.empty()) {
      OutlineRow row = open.back();
      open.pop_back();
      row.again = seen[row.node];
      seen[row.node] = true;
      row.has_children = !row.again && !out[row.node].empty();
      rows.push_back(row);
      if (!row.has_children) continue;
      const std::vector<const PictureEdge*>& edges = out[row.node];
      for (auto edge = edges.rbegin(); edge != edges.rend(); ++edge) {
        open.push_back({.node = (*edge)->to, .edge = *edge, .level = row.level + 1});
      }
    }
  }
  return rows;
}

}  // namespace deps
