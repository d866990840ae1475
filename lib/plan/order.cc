#include "lib/plan/order.h"

#include <algorithm>
#include <deque>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "lib/diag/diagnostic.h"

namespace deps {
namespace {

// The shortest way from `start` back to itself over tasks that are left.
std::vector<std::string> CircleThrough(const std::string& start, const Needs& left) {
  std::map<std::string, std::string> from;
  std::deque<std::string> queue = {start};
  while (!queue.empty()) {
    const std::string task = queue.front();
    queue.pop_front();
    for (const std::string& need : left.at(task)) {
      if (left.count(need) == 0) continue;
      if (need == start) {
        std::vector<std::string> circle = {start, task};
        while (circle.back() != start) circle.push_back(from[circle.back()]);
        std::reverse(circle.begin(), circle.end());
        return circle;
      }
      if (from.emplace(need, task).second) queue.push_back(need);
    }
  }
  return {};
}

absl::Status CycleError(const Needs& left) {
  std::vector<std::string> shortest;
  for (const auto& [task, needs] : left) {
    std::vector<std::string> circle = CircleThrough(task, left);
    if (circle.empty()) continue;
    if (shortest.empty() || circle.size() < shortest.size()) shortest = std::move(circle);
    if (shortest.size() <= 3) break;
  }
  return MakeError(
      {.id = DiagnosticId::kGraphCycle,
       .message = absl::StrCat("tasks wait for each other: ", absl::StrJoin(shortest, " -> "))});
}

}  // namespace

absl::StatusOr<std::map<std::string, int64_t>> StagesOf(const Needs& needs) {
  const Needs needed_by = Reversed(needs);
  std::map<std::string, size_t> open;
  std::map<std::string, int64_t> stages;
  std::deque<std::string> ready;
  for (const auto& [task, needed] : needs) {
    open[task] = needed.size();
    if (needed.empty()) ready.push_back(task);
  }
  Needs left = needs;
  while (!ready.empty()) {
    const std::string task = ready.front();
    ready.pop_front();
    left.erase(task);
    const int64_t stage = stages[task];
    for (const std::string& next : needed_by.at(task)) {
      stages[next] = std::max(stages[next], stage + 1);
      if (--open[next] == 0) ready.push_back(next);
    }
  }
  if (!left.empty()) return CycleError(left);
  return stages;
}

Needs Reversed(const Needs& needs) {
  Needs reversed;
  for (const auto& [task, needed] : needs) {
    reversed.try_emplace(task);
    for (const std::string& need : needed) reversed[need].insert(task);
  }
  return reversed;
}

}  // namespace deps
