// How far the tasks of a plan are, as the events of the workflow tell it.
#ifndef DEPS_LIB_RUN_PROGRESS_TABLE_H_
#define DEPS_LIB_RUN_PROGRESS_TABLE_H_

#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/time/time.h"
#include "lib/model/workflow.h"
#include "lib/run/outline.h"
#include "lib/state/store.h"

namespace deps {

// All members but the constructor take time in proportion to what changes, and
// O(log n) for each task that becomes ready.
class ProgressTable {
 public:
  enum class State { kPending, kRunning, kDone, kFailed };

  // `outline` must outlive the table.
  ProgressTable(const Outline& outline, const Workflow& workflow);

  void Apply(const StoredEvent& event, absl::Time now);

  const Outline::Task& task(size_t index) const { return (*tasks_)[index]; }
  State state(size_t index) const { return entries_[index].state; }
  size_t size() const { return entries_.size(); }
  // The index of a task, or size() where there is none.
  size_t Find(std::string_view task) const;

  // Pending tasks whose needs are done and whose time has come, by position.
  const std::set<size_t>& Ready(absl::Time now);
  // Pending tasks that a process that died had begun, whatever they need.
  const std::set<size_t>& Begun() const { return begun_; }
  std::vector<size_t> Pending() const;
  // When the next task becomes ready by the clock alone.
  absl::Time NextTime() const;
  // Pending tasks that need, through others or not, one that failed: up to `most`,
  // in the plan's order, each with the needs of its own that stand in the way. Each
  // is given once.
  std::vector<std::pair<size_t, std::vector<std::string>>> TakeBlocked(size_t most);

  bool AnyFailed() const { return failed_ > 0; }
  bool AllEnded() const { return done_ + failed_ == entries_.size(); }
  bool AllDone() const { return done_ == entries_.size(); }
  int64_t ended() const { return static_cast<int64_t>(done_ + failed_); }

 private:
  struct Entry {
    State state = State::kPending;
    bool blocked = false;    // By a failure.
    uint32_t waits_for = 0;  // Needs that are not done.
    absl::Time not_before = absl::InfinitePast();
    std::vector<uint32_t> dependents;
  };

  void Set(size_t index, State state);

  const std::vector<Outline::Task>* tasks_;
  std::vector<Entry> entries_;
  absl::flat_hash_map<std::string_view, size_t> index_;
  std::set<size_t> ready_;
  std::set<size_t> begun_;
  std::set<std::pair<absl::Time, size_t>> delayed_;
  std::vector<size_t> new_failures_;
  std::set<size_t> blocked_;  // Not yet given by TakeBlocked.
  size_t done_ = 0;
  size_t failed_ = 0;
};

}  // namespace deps

#endif  // DEPS_LIB_RUN_PROGRESS_TABLE_H_
