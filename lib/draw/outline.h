// A picture as indented rows.
#ifndef DEPS_LIB_DRAW_OUTLINE_H_
#define DEPS_LIB_DRAW_OUTLINE_H_

#include <cstddef>
#include <string>
#include <vector>

#include "lib/draw/picture.h"

namespace deps {

struct OutlineRow {
  size_t node = 0;
  const PictureEdge* edge = nullptr;  // By which it is below the row above; nullptr: none.
  size_t level = 1;
  bool has_children = false;
  bool again = false;  // It has its own row, with what is below it, further up.
};

// Along solid edges from the first node, by name; then from each node that is
// not there yet. Time: O(nodes + edges).
std::vector<OutlineRow> OutlineOf(const Picture& picture);

}  // namespace deps

#endif  // DEPS_LIB_DRAW_OUTLINE_H_
