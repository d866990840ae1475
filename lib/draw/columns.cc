#include "lib/draw/columns.h"

#include <algorithm>
#include <vector>

namespace deps {
namespace {

constexpr double kMargin = 16;
constexpr double kRowGap = 18;
constexpr double kColumnGap = 130;  // For labels of lines.

std::vector<size_t> ColumnsOf(const Layout& layout) {
  std::vector<std::vector<size_t>> out(layout.boxes.size());
  std::vector<size_t> open(layout.boxes.size(), 0);
  for (const Line& line : layout.lines) {
    if (line.from == line.to) continue;
    out[line.from].push_back(line.to);
    ++open[line.to];
  }
  std::vector<size_t> columns(layout.boxes.size(), 0);
  std::vector<size_t> ready;
  for (size_t i = 0; i < open.size(); ++i) {
    if (open[i] == 0) ready.push_back(i);
  }
  for (size_t next = 0; next < ready.size(); ++next) {
    for (const size_t to : out[ready[next]]) {
      columns[to] = std::max(columns[to], columns[ready[next]] + 1);
      if (--open[to] == 0) ready.push_back(to);
    }
  }
  return columns;
}

void PlaceBoxes(Layout* layout) {
  const std::vector<size_t> columns = ColumnsOf(*layout);
  const size_t count = 1 + *std::max_element(columns.begin(), columns.end());
  std::vector<double> widths(count, 0), below(count, kMargin), starts(count, kMargin);
  for (size_t i = 0; i < columns.size(); ++i) {
    widths[columns[i]] = std::max(widths[columns[i]], layout->boxes[i].width);
  }
  for (size_t i = 1; i < count; ++i) starts[i] = starts[i - 1] + widths[i - 1] + kColumnGap;
  for (size_t i = 0; i < columns.size(); ++i) {
    Box& box = layout->boxes[i];
    box.x = starts[columns[i]];
    box.y = below[columns[i]];
    box.width = widths[columns[i]];
    below[columns[i]] += box.height + kRowGap;
  }
  layout->width = starts.back() + widths.back() + kMargin;
  layout->height = *std::max_element(below.begin(), below.end()) - kRowGap + kMargin;
}

}  // namespace

void PlaceInColumns(Layout* layout) {
  PlaceBoxes(layout);
  for (Line& line : layout->lines) {
    const Box& from = layout->boxes[line.from];
    const Box& to = layout->boxes[line.to];
    // A dashed line leaves a little lower, to be seen beside the solid one.
    const double lower = line.dashed ? 10 : 0;
    const Point start = {from.x + from.width, from.y + from.height / 2 + lower};
    const Point end = {to.x, to.y + to.height / 2 + lower};
    const double bend = kColumnGap / 2;
    line.points = {start, {start.x + bend, start.y}, {end.x - bend, end.y}, end};
    line.label_at = {(start.x + end.x) / 2, (start.y + end.y) / 2 - 7};
  }
}

}  // namespace deps
