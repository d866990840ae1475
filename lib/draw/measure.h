// How wide text is in a sans-serif font, without asking for one: pictures are
// the same on every machine.
#ifndef DEPS_LIB_DRAW_MEASURE_H_
#define DEPS_LIB_DRAW_MEASURE_H_

#include <cstddef>
#include <string>
#include <string_view>

namespace deps {

// Pixels at `size` pixels; a little more than most fonts need.
double TextWidth(std::string_view text, double size);

// `text` where it has at most `limit` characters, else its begin and end with
// an ellipsis between them. UTF-8.
std::string Shortened(std::string_view text, size_t limit);

}  // namespace deps

#endif  // DEPS_LIB_DRAW_MEASURE_H_
