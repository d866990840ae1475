#include "lib/solve/circle.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "absl/container/flat_hash_map.h"

namespace deps {
namespace {

constexpr size_t kMostStarts = 32;

// The shortest circle through `start`, from there on; empty where it has
// `limit` members or more. Breadth first.
std::vector<int> CircleThrough(const std::vector<std::vector<int>>& needs, int start,
                               size_t limit) {
  absl::flat_hash_map<int, int> reached_from;
  std::vector<int> level = {start};
  for (size_t length = 1; length < limit && !level.empty(); ++length) {
    std::vector<int> following;
    for (const int at : level) {
      for (const int to : needs[at]) {
        if (to == start) {
          std::vector<int> circle;
          for (int back = at; back != start; back = reached_from.at(back)) circle.push_back(back);
          circle.push_back(start);
          std::reverse(circle.begin(), circle.end());
          return circle;
        }
        if (reached_from.try_emplace(to, at).second) following.push_back(to);
      }
    }
    level = std::move(following);
  }
  return {};
}

std::vector<int> AnyCircle(const std::vector<std::vector<int>>& needs, int start) {
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

}  // namespace

std::vector<int> FindCircle(const std::vector<std::vector<int>>& needs, int start) {
  const std::vector<int> first = AnyCircle(needs, start);
  std::vector<int> best = first;
  for (size_t i = 0; i < std::min(first.size(), kMostStarts); ++i) {
    std::vector<int> circle = CircleThrough(needs, first[i], best.size());
    if (!circle.empty()) best = std::move(circle);
  }
  return best;
}

}  // namespace deps
