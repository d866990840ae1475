// A directed graph as a picture: the languages of Graphviz and Mermaid, SVG, and
// a page that can be searched and folded.
//
// Whoever has something to show (a Graph, a Plan) makes a Picture of it; how it
// looks is decided here. All text may hold anything: each format escapes it.
#ifndef DEPS_LIB_DRAW_PICTURE_H_
#define DEPS_LIB_DRAW_PICTURE_H_

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

namespace deps {

struct PictureNode {
  enum class Kind {
    kPlain,
    kStart,   // Where the picture begins.
    kReused,  // Is there already.
    kOpen,    // Nothing is known of it.
  };
  // What has become of a node that stands for work, as a color.
  enum class State {
    kNone,
    kPending,
    kRunning,
    kSucceeded,
    kSkipped,
    kFailed,
    kCanceled,
    kUnknown
  };
  std::string id;     // What other formats call it; unique.
  std::string title;  // One line each; "" leaves the line out.
  std::string subtitle;
  std::string note;
  std::string group;  // Nodes of one group have a mark of one color; "" has none.
  Kind kind = Kind::kPlain;
  State state = State::kNone;
  // What a page tells of it when it is chosen: name and value.
  std::vector<std::pair<std::string, std::string>> facts;
};

struct PictureEdge {
  size_t from = 0;  // By position in `nodes`.
  size_t to = 0;
  std::string name;     // What `from` calls `to`.
  std::string label;    // Beside the line; may be "".
  bool dashed = false;  // Beside the graph's own structure, which an outline shows.
};

struct Picture {
  std::string title;
  std::string summary;             // One line below the title of a page.
  std::vector<std::string> notes;  // What there is to say of the whole.
  std::vector<PictureNode> nodes;  // At least one; the first is where it begins.
  std::vector<PictureEdge> edges;
  // What the two kinds of line mean: "requires", "takes an output of".
  std::string line_meaning;
  std::string dashed_meaning;
};

// The language of Graphviz.
std::string FormatDot(const Picture& picture);

// The language of Mermaid.
std::string FormatMermaid(const Picture& picture);

// A picture without scripts, in light or dark as the viewer is. It is laid out
// by Graphviz where its library is installed and the picture is not too large
// for it (2000 nodes, 6000 edges), else in columns.
std::string FormatSvg(const Picture& picture);

// One file that needs no other: the picture, which can be moved and zoomed, an
// outline that folds, a search, and what is known of each node.
std::string FormatHtml(const Picture& picture);

}  // namespace deps

#endif  // DEPS_LIB_DRAW_PICTURE_H_
