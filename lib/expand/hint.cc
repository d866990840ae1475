#include "lib/expand/hint.h"

#include <algorithm>
#include <optional>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "lib/text/closest_match.h"

namespace deps {

std::string HintOf(std::string_view word, std::vector<std::string> names) {
  constexpr size_t kShown = 8;
  if (names.empty()) return "it has none";
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  const size_t shown = std::min(names.size(), kShown);
  std::optional<std::string> match = ClosestMatch(word, names);
  // Any two words of a letter or two are close.
  if (match && word.size() < 3 && !absl::EqualsIgnoreCase(*match, word)) match.reset();
  return absl::StrCat(match ? absl::StrCat("did you mean '", *match, "'? ") : "", "it has ",
                      absl::StrJoin(names.begin(), names.begin() + shown, ", "),
                      names.size() > shown ? ", …" : "");
}

}  // namespace deps
