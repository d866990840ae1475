// What somebody who typed a word may have meant.
#ifndef DEPS_LIB_TEXT_CLOSEST_MATCH_H_
#define DEPS_LIB_TEXT_CLOSEST_MATCH_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace deps {

// The candidate that becomes `word` with the fewest edits: a character inserted,
// removed, replaced, or two neighbours exchanged. Capitals count as small
// letters. None where every candidate needs more than a third of the length of
// `word` (but one edit is always allowed); the first of equals. Words of more
// than 100 bytes have no match.
//
// Time: O(candidates x length x length).
std::optional<std::string> ClosestMatch(std::string_view word,
                                        const std::vector<std::string>& candidates);

}  // namespace deps

#endif  // DEPS_LIB_TEXT_CLOSEST_MATCH_H_
