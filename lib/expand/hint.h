// What there is, for the hint of an error about what there is not.
#ifndef DEPS_LIB_EXPAND_HINT_H_
#define DEPS_LIB_EXPAND_HINT_H_

#include <map>
#include <string>
#include <utility>
#include <vector>

namespace deps {

// "it has a, b, c": the first few of `names` by bytes.
std::string HintOf(std::vector<std::string> names);

template <typename Value>
std::string HintOfKeys(const std::map<std::string, Value>& map) {
  std::vector<std::string> names;
  for (const auto& [name, value] : map) names.push_back(name);
  return HintOf(std::move(names));
}

}  // namespace deps

#endif  // DEPS_LIB_EXPAND_HINT_H_
