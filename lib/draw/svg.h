// The picture as an element, for a file of its own and for a page.
#ifndef DEPS_LIB_DRAW_SVG_H_
#define DEPS_LIB_DRAW_SVG_H_

#include <string>

#include "lib/draw/layout.h"
#include "lib/draw/picture.h"

namespace deps {

// Its nodes are <g class="node" data-node="POSITION">, its lines <g class="line"
// data-from data-to>. With `in_page` it has no style of its own, and its nodes
// can be reached with the keyboard.
std::string SvgElement(const Picture& picture, const Layout& layout, bool in_page);

// The rules that SvgElement's classes are made for.
std::string SvgStyle();

}  // namespace deps

#endif  // DEPS_LIB_DRAW_SVG_H_
