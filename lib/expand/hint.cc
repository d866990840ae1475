#include "lib/expand/hint.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace deps {

std::string HintOf(std::vector<std::string> names) {
  constexpr size_t kShown = 8;
  if (names.empty()) return "it has none";
  std::sort(names.begin(), names.end());
  const size_t shown = std::min(names.size(), kShown);
  return absl::StrCat("it has ", absl::StrJoin(names.begin(), names.begin() + shown, ", "),
                      names.size() > shown ? ", …" : "");
}

}  // namespace deps
