#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "lib/graph/show.h"

namespace deps {
namespace {

constexpr size_t kRowHeight = 64;
constexpr size_t kBoxHeight = 44;
constexpr size_t kGap = 120;   // Between columns, for labels of edges.
constexpr size_t kLetter = 8;  // Width of one, at 13 pixels.
constexpr size_t kMargin = 16;

// For text and attributes alike; XML has no control characters at all.
std::string Escaped(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    switch (c) {
      case '&':
        escaped += "&amp;";
        break;
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '"':
        escaped += "&quot;";
        break;
      default:
        escaped += absl::ascii_iscntrl(static_cast<unsigned char>(c)) ? '?' : c;
    }
  }
  return escaped;
}

std::string NameOf(const Node& node) { return node.alias.empty() ? node.id : node.alias; }

std::string BundleOf(const Node& node) {
  if (node.bundle) return absl::StrCat(node.bundle->name, " ", node.bundle->version);
  return node.reference.empty() ? "any with its interface" : node.reference;
}

struct Box {
  size_t x = 0, y = 0, width = 0;
};

// Columns by the longest way from the root, rows in the order of ids.
class Layout {
 public:
  explicit Layout(const Graph& graph) : graph_(graph), columns_(graph.nodes.size(), 0) {
    for (size_t i = 0; i < graph.nodes.size(); ++i) index_.emplace(graph.nodes[i].id, i);
    FindColumns();
    Place();
  }

  const Box& BoxOf(const std::string& id) const { return boxes_[index_.at(id)]; }
  size_t width() const { return width_; }
  size_t height() const { return height_; }

 private:
  void FindColumns() {
    std::vector<std::vector<size_t>> out(columns_.size());
    std::vector<size_t> open(columns_.size(), 0);
    for (const Edge& edge : graph_.edges) {
      if (edge.kind != Edge::Kind::kRequires) continue;
      out[index_.at(edge.from)].push_back(index_.at(edge.to));
      ++open[index_.at(edge.to)];
    }
    std::vector<size_t> ready;
    for (size_t i = 0; i < open.size(); ++i) {
      if (open[i] == 0) ready.push_back(i);
    }
    for (size_t next = 0; next < ready.size(); ++next) {
      for (const size_t to : out[ready[next]]) {
        columns_[to] = std::max(columns_[to], columns_[ready[next]] + 1);
        if (--open[to] == 0) ready.push_back(to);
      }
    }
  }

  void Place() {
    const size_t count = 1 + *std::max_element(columns_.begin(), columns_.end());
    std::vector<size_t> widths(count, 0), rows(count, 0), starts(count, kMargin);
    for (size_t i = 0; i < columns_.size(); ++i) {
      const Node& node = graph_.nodes[i];
      const size_t letters = std::max(NameOf(node).size(), BundleOf(node).size());
      widths[columns_[i]] = std::max(widths[columns_[i]], letters * kLetter + 2 * kMargin);
    }
    for (size_t i = 1; i < count; ++i) starts[i] = starts[i - 1] + widths[i - 1] + kGap;
    for (const size_t column : columns_) {
      boxes_.push_back({starts[column], kMargin + kRowHeight * rows[column]++, widths[column]});
    }
    width_ = starts.back() + widths.back() + kMargin;
    height_ = kMargin + kRowHeight * *std::max_element(rows.begin(), rows.end());
  }

  const Graph& graph_;
  std::vector<size_t> columns_;
  std::vector<Box> boxes_;
  absl::flat_hash_map<std::string, size_t> index_;
  size_t width_ = 0;
  size_t height_ = 0;
};

void AppendEdge(const Layout& layout, const Edge& edge, std::string* text) {
  const Box& from = layout.BoxOf(edge.from);
  const Box& to = layout.BoxOf(edge.to);
  const bool is_wiring = edge.kind == Edge::Kind::kWiring;
  // Wiring leaves a little lower, so that it is seen beside what it goes with.
  const size_t lower = is_wiring ? 10 : 0;
  const size_t x1 = from.x + from.width, y1 = from.y + kBoxHeight / 2 + lower;
  const size_t x2 = to.x, y2 = to.y + kBoxHeight / 2 + lower;
  const std::string title = is_wiring ? absl::StrCat(edge.field, ".", edge.name, " = ", edge.output)
                                      : absl::StrCat(edge.alias, " ", edge.version);
  absl::StrAppend(text, "<path class=\"", is_wiring ? "wiring" : "requires", "\" d=\"M", x1, ",",
                  y1, " C", x1 + kGap / 2, ",", y1, " ", x2 < kGap / 2 ? 0 : x2 - kGap / 2, ",", y2,
                  " ", x2, ",", y2, "\"><title>", Escaped(title), "</title></path>\n");
}

void AppendNode(const Layout& layout, const Node& node, std::string* text) {
  const Box& box = layout.BoxOf(node.id);
  absl::StrAppend(text, "<g", node.bundle ? "" : " class=\"open\"", "><title>", Escaped(node.id),
                  "</title><rect x=\"", box.x, "\" y=\"", box.y, "\" width=\"", box.width,
                  "\" height=\"", kBoxHeight, "\" rx=\"6\"/><text x=\"", box.x + kMargin, "\" y=\"",
                  box.y + 18, "\" font-weight=\"bold\">", Escaped(NameOf(node)),
                  "</text><text x=\"", box.x + kMargin, "\" y=\"", box.y + 35, "\">",
                  Escaped(BundleOf(node)), "</text></g>\n");
}

}  // namespace

std::string FormatSvg(const Graph& graph) {
  const Layout layout(graph);
  std::string text = absl::StrCat(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"", layout.width(), "\" height=\"",
      layout.height(), "\" viewBox=\"0 0 ", layout.width(), " ", layout.height(),
      "\" font-family=\"sans-serif\" font-size=\"13\">\n"
      "<style>rect{fill:#f4f6f8;stroke:#456}.open rect{stroke-dasharray:4}"
      "path{fill:none;stroke:#456;marker-end:url(#to)}.wiring{stroke:#b50;stroke-dasharray:5}"
      "</style>\n"
      "<defs><marker id=\"to\" viewBox=\"0 0 8 8\" refX=\"8\" refY=\"4\" markerWidth=\"8\" "
      "markerHeight=\"8\" orient=\"auto\"><path d=\"M0,0 L8,4 L0,8 z\" style=\"fill:#456;"
      "stroke:none;marker-end:none\"/></marker></defs>\n");
  for (const Edge& edge : graph.edges) AppendEdge(layout, edge, &text);
  for (const Node& node : graph.nodes) AppendNode(layout, node, &text);
  return text + "</svg>\n";
}

std::string FormatHtml(const Graph& graph) {
  std::string title = "Dependencies";
  for (const Node& node : graph.nodes) {
    if (node.id == graph.root) title = absl::StrCat("Dependencies of ", BundleOf(node));
  }
  std::string text = absl::StrCat(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>",
      Escaped(title),
      "</title>\n<style>body{font-family:sans-serif}td,th{text-align:left;padding:2px 12px}"
      "</style>\n</head>\n<body>\n<h1>",
      Escaped(title), "</h1>\n", FormatSvg(graph),
      "<table>\n<tr><th>Node</th><th>Bundle</th><th>Reference</th></tr>\n");
  for (const Node& node : graph.nodes) {
    absl::StrAppend(&text, "<tr><td>", Escaped(node.id), "</td><td>", Escaped(BundleOf(node)),
                    "</td><td>", Escaped(node.bundle ? node.bundle->reference : node.reference),
                    "</td></tr>\n");
  }
  return text + "</table>\n</body>\n</html>\n";
}

}  // namespace deps
