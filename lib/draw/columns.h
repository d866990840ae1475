// A simple layout for large pictures, and where Graphviz is not installed.
#ifndef DEPS_LIB_DRAW_COLUMNS_H_
#define DEPS_LIB_DRAW_COLUMNS_H_

#include "lib/draw/layout.h"

namespace deps {

// Columns by the longest way to a node, rows in the order of the nodes. What
// lies on a circle, and behind one, is in the column where the circle began.
// Time: O(nodes + lines).
void PlaceInColumns(Layout* layout);

}  // namespace deps

#endif  // DEPS_LIB_DRAW_COLUMNS_H_
