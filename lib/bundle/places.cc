#include "lib/bundle/places.h"

#include <algorithm>

namespace deps {

Location Places::At(size_t offset, std::string_view pointer) {
  if (lines_.empty()) {
    lines_.push_back(0);
    for (size_t i = 0; i < source_.text.size(); ++i) {
      if (source_.text[i] == '\n') lines_.push_back(i + 1);
    }
  }
  const auto line = std::upper_bound(lines_.begin(), lines_.end(), offset) - 1;
  return {.file = source_.name,
          .line = static_cast<int>(line - lines_.begin()) + 1,
          .column = static_cast<int>(offset - *line) + 1,
          .pointer = std::string(pointer)};
}

}  // namespace deps
