#include "lib/solve/circle.h"

#include <algorithm>
#include <cstddef>

namespace deps {

std::vector<int> FindCircle(const std::vector<std::vector<int>>& needs, int start) {
  enum State : char { kNew, kOnTheWay, kDone };
  std::vector<char> state(needs.size(), kNew);
  std::vector<int> way = {start};
  std::vector<size_t> next = {0};  // The edge to follow, of each on the way.
  state[start] = kOnTheWay;
  while (!way.empty()) {
    const int at = way.back();
    if (next.back() == needs[at].size()) {
      state[at] = kDone;
      way.pop_back();
      next.pop_back();
      continue;
    }
    const int to = needs[at][next.back()++];
    if (state[to] == kOnTheWay) return {std::find(way.begin(), way.end(), to), way.end()};
    if (state[to] == kDone) continue;
    state[to] = kOnTheWay;
    way.push_back(to);
    next.push_back(0);
  }
  return {};
}

}  // namespace deps
