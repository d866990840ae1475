// What a person may have meant, as part of a sentence.
#ifndef DEPS_LIB_TEXT_TEXT_H_
#define DEPS_LIB_TEXT_TEXT_H_

#include <string>
#include <string_view>
#include <vector>

namespace deps {

// ", did you mean 'NAME'?" with the closest match, or "".
std::string DidYouMean(std::string_view word, const std::vector<std::string>& candidates);

}  // namespace deps

#endif  // DEPS_LIB_TEXT_TEXT_H_
