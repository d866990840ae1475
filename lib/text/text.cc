#include "lib/text/text.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/text/closest_match.h"

namespace deps {

std::string DidYouMean(std::string_view word, const std::vector<std::string>& candidates) {
  const std::optional<std::string> match = ClosestMatch(word, candidates);
  return match ? ", did you mean '" + *match + "'?" : "";
}

}  // namespace deps
