#include "lib/expand/hint.h"

#include <algorithm>
#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "lib/text/closest_match.h"

namespace deps {

std::string HintOf(std::string_view word, std::vector<std::string> names) {
  constexpr size_t kShown = 8;
  if (names.empty()) return "it has none";
  std::sort(names.begin(), names.end());
  const size_t shown = std::min(names.size(), kShown);
  const std::optional<std::string> match = ClosestMatch(word, names);
  return absl::StrCat(match ? absl::StrCat("did you mean '", *match, "'? ") : "", "it has ",
                      absl::StrJoin(names.begin(), names.begin() + shown, ", "),
                      names.size() > shown ? ", …" : "");
}

}  // namespace deps
