// Characters in UTF-8.
#ifndef DEPS_LIB_TEXT_UTF8_H_
#define DEPS_LIB_TEXT_UTF8_H_

#include <cstddef>
#include <string_view>

namespace deps {

// The length of the character that `text`, which is not empty, begins with, or
// 0 where that is not UTF-8 (Unicode 15, table 3-7).
size_t Utf8Length(std::string_view text);

// How many bytes at the beginning of `text` are UTF-8: all, where it is.
size_t Utf8Prefix(std::string_view text);

}  // namespace deps

#endif  // DEPS_LIB_TEXT_UTF8_H_
