#include "lib/bundle/places.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"

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

MemberPlace Places::Of(const json::Value& value, std::string member, std::string pointer) {
  const std::string_view source = source_.text;
  size_t start = value.offset;
  bool is_verbatim = false;
  if (value.IsString() && !absl::StrContains(value.text, '\n')) {
    const bool is_quoted = start < source.size() && (source[start] == '"' || source[start] == '\'');
    const size_t text = start + (is_quoted ? 1 : 0);
    is_verbatim = text <= source.size() && absl::StartsWith(source.substr(text), value.text);
    if (is_verbatim) start = text;
  }
  const Location place = At(start, "");
  return {.member = std::move(member),
          .pointer = std::move(pointer),
          .line = place.line,
          .column = place.column,
          .is_verbatim = is_verbatim};
}

}  // namespace deps
