// Words: what a person may have meant.
#ifndef DEPS_LIB_TEXT_TEXT_H_
#define DEPS_LIB_TEXT_TEXT_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace deps {

// The candidate that is nearest to `word` by edits (insert, delete, replace,
// swap of neighbours), the first among equals, if it is near enough to be a
// slip: at most a third of the letters, and at most three.
// Time: O(sum of products of lengths); words over 64 bytes have no match.
std::optional<std::string> ClosestMatch(std::string_view word,
                                        const std::vector<std::string>& candidates);

// ", did you mean 'NAME'?" or "".
std::string DidYouMean(std::string_view word, const std::vector<std::string>& candidates);

}  // namespace deps

#endif  // DEPS_LIB_TEXT_TEXT_H_
