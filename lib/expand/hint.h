// What there is, for the hint of an error about what there is not.
#ifndef DEPS_LIB_EXPAND_HINT_H_
#define DEPS_LIB_EXPAND_HINT_H_

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace deps {

// "did you mean 'b'? it has a, b, c": the name that is close to `word`, if one
// is, and the first few of `names` by bytes.
std::string HintOf(std::string_view word, std::vector<std::string> names);

template <typename Value>
std::string HintOfKeys(std::string_view word, const std::map<std::string, Value>& map) {
  std::vector<std::string> names;
  for (const auto& [name, value] : map) names.push_back(name);
  return HintOf(word, std::move(names));
}

}  // namespace deps

#endif  // DEPS_LIB_EXPAND_HINT_H_
