#include "lib/plan/order.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "lib/diag/diagnostic.h"

namespace deps {
namespace {

constexpr size_t kNone = SIZE_MAX;

// The shortest way from `start` back to itself over tasks that are left; empty
// where there is none.
std::vector<size_t> CircleThrough(size_t start, const Needs& needs, const std::vector<bool>& left) {
  std::vector<size_t> from(needs.size(), kNone);
  std::vector<size_t> queue = {start};
  for (size_t next = 0; next < queue.size(); ++next) {
    const size_t task = queue[next];
    for (const size_t need : needs[task]) {
      if (!left[need]) continue;
      if (need == start) {
        std::vector<size_t> circle = {start, task};
        while (circle.back() != start) circle.push_back(from[circle.back()]);
        std::reverse(circle.begin(), circle.end());
        return circle;
      }
      if (from[need] != kNone) continue;
      from[need] = task;
      queue.push_back(need);
    }
  }
  return {};
}

// Looks from so many tasks: of a large graph a short circle is enough.
constexpr int kMostStarts = 1000;

absl::Status CycleError(const Needs& needs, const std::vector<bool>& left,
                        const std::function<std::string(size_t)>& id) {
  std::vector<size_t> shortest;
  int starts = 0;
  for (size_t task = 0; task < needs.size(); ++task) {
    if (!left[task]) continue;
    if (++starts > kMostStarts && !shortest.empty()) break;
    std::vector<size_t> circle = CircleThrough(task, needs, left);
    if (circle.empty()) continue;
    if (shortest.empty() || circle.size() < shortest.size()) shortest = std::move(circle);
    if (shortest.size() <= 3) break;
  }
  return MakeError(
      {.id = DiagnosticId::kGraphCycle,
       .message = absl::StrCat("tasks wait for each other: ",
                               absl::StrJoin(shortest, " -> ", [&](std::string* out, size_t task) {
                                 absl::StrAppend(out, id(task));
                               }))});
}

}  // namespace

absl::StatusOr<std::vector<int64_t>> StagesOf(const Needs& needs,
                                              const std::function<std::string(size_t)>& id) {
  const Needs needed_by = Reversed(needs);
  std::vector<size_t> open(needs.size());
  std::vector<int64_t> stages(needs.size(), 0);
  std::vector<size_t> ready;
  for (size_t task = 0; task < needs.size(); ++task) {
    open[task] = needs[task].size();
    if (open[task] == 0) ready.push_back(task);
  }
  for (size_t next = 0; next < ready.size(); ++next) {
    const size_t task = ready[next];
    for (const size_t waiting : needed_by[task]) {
      stages[waiting] = std::max(stages[waiting], stages[task] + 1);
      if (--open[waiting] == 0) ready.push_back(waiting);
    }
  }
  if (ready.size() == needs.size()) return stages;
  std::vector<bool> left(needs.size(), true);
  for (const size_t task : ready) left[task] = false;
  return CycleError(needs, left, id);
}

Needs Reversed(const Needs& needs) {
  Needs reversed(needs.size());
  for (size_t task = 0; task < needs.size(); ++task) {
    for (const size_t need : needs[task]) reversed[need].push_back(task);
  }
  return reversed;
}

}  // namespace deps
