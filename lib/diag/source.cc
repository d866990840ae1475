#include "lib/diag/source.h"

#include <algorithm>

namespace deps {

Location Source::At(size_t offset, std::string_view pointer) const {
  const std::string_view before = std::string_view(text).substr(0, std::min(offset, text.size()));
  const size_t last_newline = before.rfind('\n');
  const size_t line_start = last_newline == std::string_view::npos ? 0 : last_newline + 1;
  return {.file = name,
          .line = 1 + static_cast<int>(std::count(before.begin(), before.end(), '\n')),
          .column = 1 + static_cast<int>(before.size() - line_start),
          .pointer = std::string(pointer)};
}

}  // namespace deps
