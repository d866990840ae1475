// What a person sees of a run: on a terminal a line for each running task, with
// its time, and counts of the rest; elsewhere a line for each thing that happens.
#ifndef DEPS_TOOLS_DEPS_RUN_PROGRESS_VIEW_H_
#define DEPS_TOOLS_DEPS_RUN_PROGRESS_VIEW_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "lib/cli/command.h"
#include "lib/cli/env.h"
#include "lib/model/workflow.h"
#include "lib/run/scheduler.h"
#include "lib/state/store.h"

namespace deps {

// "1m02s", "12.3s", "250ms": two figures that matter.
std::string ShortDuration(absl::Duration duration);

class ProgressView {
 public:
  // Without `times` it is not told how long a task took: where tasks run elsewhere,
  // their beginnings and ends are learnt late.
  ProgressView(Terminal& terminal, const Env& env, bool times = true);
  ProgressView(const ProgressView&) = delete;
  ProgressView& operator=(const ProgressView&) = delete;
  ~ProgressView();

  // How many tasks there are.
  void SetTotal(size_t total) { total_ = static_cast<int64_t>(total); }
  void Tell(const StoredEvent& event);
  void Tick(const std::vector<RunningTask>& running);
  // Takes the live lines away.
  void End();
  // The final line.
  void Summarize(const Workflow& workflow);

 private:
  void Draw(const std::vector<RunningTask>& running);
  void Line(const StoredEvent& event);

  Terminal& terminal_;
  const Env& env_;
  const bool times_;
  int64_t total_ = 0;
  const absl::Time begin_;
  absl::Time last_drawn_ = absl::InfinitePast();
  int drawn_ = 0;     // Lines on the terminal.
  std::string over_;  // How the workflow ended, where that was not said yet.
  std::map<std::string, absl::Time> started_;
  std::map<std::string, std::string> ended_;  // Task -> status.
};

}  // namespace deps

#endif  // DEPS_TOOLS_DEPS_RUN_PROGRESS_VIEW_H_
