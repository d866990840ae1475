// Where everything of a picture goes.
#ifndef DEPS_LIB_DRAW_LAYOUT_H_
#define DEPS_LIB_DRAW_LAYOUT_H_

#include <cstddef>
#include <string>
#include <vector>

#include "lib/draw/picture.h"

namespace deps {

struct Point {
  double x = 0;
  double y = 0;  // Downwards.
};

struct Box {
  double x = 0;  // The left upper corner.
  double y = 0;
  double width = 0;
  double height = 0;
  std::vector<std::string> lines;  // Title, subtitle, note: as far as they are there, shortened.
};

// What is drawn as one line: a solid edge, or all dashed ones between two nodes.
struct Line {
  size_t from = 0;
  size_t to = 0;
  bool dashed = false;
  std::string label;                 // Shortened.
  std::vector<std::string> details;  // What its edges say.
  std::vector<Point> points;         // A start, then three for each Bézier curve.
  Point label_at;                    // The middle of the label.
};

struct Layout {
  double width = 0;
  double height = 0;
  std::vector<Box> boxes;  // By position in the picture's nodes.
  std::vector<Line> lines;
};

inline constexpr double kLabelSize = 11;

Layout LayOut(const Picture& picture);

}  // namespace deps

#endif  // DEPS_LIB_DRAW_LAYOUT_H_
