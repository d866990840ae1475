// A text with the name under which the user knows it.
#ifndef DEPS_LIB_DIAG_SOURCE_H_
#define DEPS_LIB_DIAG_SOURCE_H_

#include <cstddef>
#include <string>
#include <string_view>

#include "lib/diag/diagnostic.h"

namespace deps {

struct Source {
  std::string name;  // A file as the user named it, "<stdin>", or a reference.
  std::string text;

  // The place of the byte at `offset`, which may be text.size(). O(offset).
  Location At(size_t offset, std::string_view pointer = "") const;
};

}  // namespace deps

#endif  // DEPS_LIB_DIAG_SOURCE_H_
