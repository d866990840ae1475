#include "lib/draw/svg.h"

#include <cmath>
#include <map>
#include <string>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "lib/draw/markup.h"
#include "lib/draw/measure.h"

namespace deps {
namespace {

constexpr size_t kGroupColors = 8;

// The look is Primer's of GitHub: quiet lines, one accent.
constexpr std::string_view kStyle = R"(
.picture{background:#fff;font-family:system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif}
.node rect{fill:#fff;stroke:#c3cad3;stroke-width:1.2}
.node .band{stroke:none;fill:#4c7fd0}
.node.start rect{stroke:#6e56cf}.node.start .band{fill:#6e56cf}
.node.reused rect{stroke:#7bbf8e}.node.reused .band{fill:#2da44e}
.node.open rect{stroke:#c98a1b;stroke-dasharray:5 4}.node.open .band{fill:#d29922}
.node text{fill:#57606a;font-size:12px}
.node .title{fill:#1f2328;font-size:13.5px;font-weight:600}
.node .note{font-size:11px}
.node.reused .note{fill:#1a7f37}
.node.pending .band{fill:#afb8c1}
.node.running rect{fill:#ddf4ff;stroke:#54aeff}.node.running .band{fill:#0969da}
.node.succeeded rect{fill:#dafbe1;stroke:#4ac26b}.node.succeeded .band{fill:#1a7f37}
.node.skipped rect{fill:#fbefff;stroke:#c297ff}.node.skipped .band{fill:#8250df}
.node.failed rect{fill:#ffebe9;stroke:#ff8182}.node.failed .band{fill:#cf222e}
.node.canceled rect{fill:#fff8c5;stroke:#d4a72c}.node.canceled .band{fill:#9a6700}
.node.unknown rect{fill:#ffeff7;stroke:#ff80c8;stroke-dasharray:5 4}.node.unknown .band{fill:#bf3989}
.line path{fill:none;stroke:#8c959f;stroke-width:1.3}
.line .tip{fill:#8c959f;stroke:none}
.line text{fill:#57606a;font-size:11px;text-anchor:middle;paint-order:stroke;stroke:#fff;stroke-width:4px;stroke-linejoin:round}
.line.dashed path{stroke:#c2571a;stroke-dasharray:5 4}
.line.dashed .tip{fill:#c2571a;stroke:none;stroke-dasharray:none}
.g0{fill:#0a85d1}.g1{fill:#bf3989}.g2{fill:#1a7f37}.g3{fill:#9a6700}
.g4{fill:#8250df}.g5{fill:#cf222e}.g6{fill:#0f766e}.g7{fill:#6b7280}
)";

constexpr std::string_view kDarkStyle = R"(
.picture{background:#0d1117}
.node rect{fill:#1c2230;stroke:#3d4656}
.node.start rect{stroke:#a18bf0}.node.start .band{fill:#a18bf0}
.node.reused rect{stroke:#2f7d45}.node.reused .band{fill:#3fb950}
.node.open rect{stroke:#bb8009}
.node text{fill:#9da7b3}
.node .title{fill:#e6edf3}
.node.reused .note{fill:#56d364}
.node.pending .band{fill:#6e7681}
.node.running rect{fill:#12304f;stroke:#1f6feb}.node.running .band{fill:#58a6ff}
.node.succeeded rect{fill:#12331d;stroke:#238636}.node.succeeded .band{fill:#3fb950}
.node.skipped rect{fill:#271f3f;stroke:#8957e5}.node.skipped .band{fill:#bc8cff}
.node.failed rect{fill:#3c1618;stroke:#da3633}.node.failed .band{fill:#ff7b72}
.node.canceled rect{fill:#33270a;stroke:#9e6a03}.node.canceled .band{fill:#e3b341}
.node.unknown rect{fill:#3a1830;stroke:#bf4b8a}.node.unknown .band{fill:#f778ba}
.line path{stroke:#6e7681}.line .tip{fill:#6e7681}
.line text{fill:#9da7b3;stroke:#0d1117}
.line.dashed path{stroke:#e8965a}.line.dashed .tip{fill:#e8965a}
.g0{fill:#4fb3f0}.g1{fill:#f778ba}.g2{fill:#56d364}.g3{fill:#e3b341}
.g4{fill:#bc8cff}.g5{fill:#ff7b72}.g6{fill:#2dd4bf}.g7{fill:#9da7b3}
)";

std::string_view KindName(PictureNode::Kind kind) {
  switch (kind) {
    case PictureNode::Kind::kPlain:
      return "";
    case PictureNode::Kind::kStart:
      return " start";
    case PictureNode::Kind::kReused:
      return " reused";
    case PictureNode::Kind::kOpen:
      return " open";
  }
  return "";
}

std::string_view StateName(PictureNode::State state) {
  switch (state) {
    case PictureNode::State::kNone:
      return "";
    case PictureNode::State::kPending:
      return " pending";
    case PictureNode::State::kRunning:
      return " running";
    case PictureNode::State::kSucceeded:
      return " succeeded";
    case PictureNode::State::kSkipped:
      return " skipped";
    case PictureNode::State::kFailed:
      return " failed";
    case PictureNode::State::kCanceled:
      return " canceled";
    case PictureNode::State::kUnknown:
      return " unknown";
  }
  return "";
}

class Painter {
 public:
  Painter(const Picture& picture, const Layout& layout, bool in_page)
      : picture_(picture), layout_(layout), in_page_(in_page) {
    for (const PictureNode& node : picture.nodes) {
      if (!node.group.empty()) colors_.try_emplace(node.group, colors_.size() % kGroupColors);
    }
  }

  std::string Paint() {
    absl::StrAppend(&text_, "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"picture\" width=\"",
                    Pixels(layout_.width), "\" height=\"", Pixels(layout_.height),
                    "\" viewBox=\"0 0 ", Pixels(layout_.width), " ", Pixels(layout_.height),
                    "\" role=\"img\" aria-label=\"", Escaped(picture_.title), "\">\n");
    if (!in_page_) AddHead();
    for (const Line& line : layout_.lines) AddLine(line);
    for (size_t i = 0; i < layout_.boxes.size(); ++i) AddNode(i);
    return std::move(text_) + "</svg>\n";
  }

 private:
  void AddHead() {
    absl::StrAppend(&text_, "<title>", Escaped(picture_.title), "</title>\n");
    if (!picture_.notes.empty()) {
      absl::StrAppend(&text_, "<desc>", Escaped(absl::StrJoin(picture_.notes, "; ")), "</desc>\n");
    }
    absl::StrAppend(&text_, "<style>", SvgStyle(), "</style>\n");
  }

  void AddLine(const Line& line) {
    if (line.points.size() < 2) return;
    absl::StrAppend(&text_, "<g class=\"line", line.dashed ? " dashed" : "", "\" data-from=\"",
                    line.from, "\" data-to=\"", line.to, "\"><title>", Escaped(Title(line)),
                    "</title>");
    AddPath(line);
    if (!line.label.empty()) {
      absl::StrAppend(&text_, "<text x=\"", Pixels(line.label_at.x), "\" y=\"",
                      Pixels(line.label_at.y + 2), "\">", Escaped(line.label), "</text>");
    }
    text_ += "</g>\n";
  }

  std::string Title(const Line& line) const {
    return absl::StrCat(picture_.nodes[line.from].id, " ",
                        line.dashed ? picture_.dashed_meaning : picture_.line_meaning, " ",
                        picture_.nodes[line.to].id, ": ", absl::StrJoin(line.details, ", "));
  }

  void AddPath(const Line& line) {
    // The line ends where the arrow's head begins.
    const Point end = line.points.back();
    Point before = line.points[line.points.size() - 2];
    double dx = end.x - before.x, dy = end.y - before.y;
    double length = std::sqrt(dx * dx + dy * dy);
    if (length < 0.01) {
      dx = length = 1;
      dy = 0;
    }
    dx /= length;
    dy /= length;
    const Point neck = {end.x - 7 * dx, end.y - 7 * dy};
    absl::StrAppend(&text_, "<path d=\"M", At(line.points[0]), "C");
    for (size_t i = 1; i + 1 < line.points.size(); ++i) {
      absl::StrAppend(&text_, At(line.points[i]), " ");
    }
    absl::StrAppend(&text_, At(neck), "\"/><path class=\"tip\" d=\"M", At(end), "L",
                    At({neck.x - 4 * dy, neck.y + 4 * dx}), " ",
                    At({neck.x + 4 * dy, neck.y - 4 * dx}), "Z\"/>");
  }

  static std::string At(const Point& point) {
    return absl::StrCat(Pixels(point.x), ",", Pixels(point.y));
  }

  void AddNode(size_t index) {
    const PictureNode& node = picture_.nodes[index];
    const Box& box = layout_.boxes[index];
    absl::StrAppend(&text_, "<g class=\"node", KindName(node.kind), StateName(node.state),
                    "\" data-node=\"", index, "\"", in_page_ ? " tabindex=\"-1\"" : "",
                    " transform=\"translate(", Pixels(box.x), " ", Pixels(box.y), ")\"><title>",
                    Escaped(node.id), "</title><rect width=\"", Pixels(box.width), "\" height=\"",
                    Pixels(box.height),
                    "\" rx=\"7\"/><rect class=\"band\" x=\"0.6\" y=\"7\" width=\"4\" height=\"",
                    Pixels(box.height - 14), "\" rx=\"2\"/>");
    double y = 21;
    size_t next = 0;
    const auto add = [&](const std::string& whole, std::string_view name, double indent) {
      if (whole.empty()) return;
      absl::StrAppend(&text_, "<text class=\"", name, "\" x=\"", Pixels(15 + indent), "\" y=\"",
                      Pixels(y), "\">", Escaped(box.lines[next++]), "</text>");
      y += 17;
    };
    add(node.title, "title", 0);
    add(node.subtitle, "subtitle", 0);
    if (!node.group.empty() && !node.note.empty()) {
      absl::StrAppend(&text_, "<circle class=\"g", colors_.at(node.group), "\" cx=\"19\" cy=\"",
                      Pixels(y - 4), "\" r=\"4\"/>");
    }
    add(node.note, "note", node.group.empty() ? 0 : 13);
    text_ += "</g>\n";
  }

  const Picture& picture_;
  const Layout& layout_;
  const bool in_page_;
  std::map<std::string, size_t> colors_;  // By group, in the order of the nodes.
  std::string text_;
};

}  // namespace

std::string SvgStyle() {
  return absl::StrCat(kStyle, "@media (prefers-color-scheme:dark){", kDarkStyle, "}\n");
}

std::string SvgElement(const Picture& picture, const Layout& layout, bool in_page) {
  return Painter(picture, layout, in_page).Paint();
}

std::string FormatSvg(const Picture& picture) {
  return SvgElement(picture, LayOut(picture), /*in_page=*/false);
}

}  // namespace deps
