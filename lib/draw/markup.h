// Text within XML and HTML.
#ifndef DEPS_LIB_DRAW_MARKUP_H_
#define DEPS_LIB_DRAW_MARKUP_H_

#include <string>
#include <string_view>

namespace deps {

// For text and attributes alike. XML has no control characters but the ends of
// lines, so that "?" stands for the others.
std::string Escaped(std::string_view text);

// A length in pixels with at most two decimals: "12.5".
std::string Pixels(double length);

}  // namespace deps

#endif  // DEPS_LIB_DRAW_MARKUP_H_
