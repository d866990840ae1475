// Layouts by Graphviz. Its library is loaded when it is first needed, so that a
// command that draws nothing starts without it.
#ifndef DEPS_LIB_DRAW_GRAPHVIZ_H_
#define DEPS_LIB_DRAW_GRAPHVIZ_H_

#include "lib/draw/layout.h"

namespace deps {

// False, and `layout` as it was, where the library (libgvc.so.6 with its
// plug-ins core and dot_layout) is not installed or fails. No fonts are asked
// for, so the same picture gives the same layout everywhere.
bool PlaceWithGraphviz(Layout* layout);

}  // namespace deps

#endif  // DEPS_LIB_DRAW_GRAPHVIZ_H_
