// A run on another engine, as many threads wait for its tasks.
#ifndef DEPS_TOOLS_DEPS_RUN_REMOTE_RUN_H_
#define DEPS_TOOLS_DEPS_RUN_REMOTE_RUN_H_

#include <functional>
#include <map>
#include <optional>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "lib/base/steady_clock.h"
#include "lib/engine/engine.h"
#include "lib/model/workflow.h"

namespace deps {

// Whether a task or workflow of this status runs no more.
bool HasEnded(const std::string& status);

// However many threads wait, the engine is asked once: at first every 200 ms,
// then less and less often, down to every 5 s, while nothing changes. Thread-safe.
class RemoteRun {
 public:
  RemoteRun(Engine& engine, std::string run);

  // What the run has of `task` once that has ended; status "unknown" where the run
  // ends and does not tell. `stop` tells how often the
  // run was asked to stop: at the first time the engine is asked to cancel it, at
  // the second to force it. An engine that does not answer is asked again for ten
  // minutes. Errors: those of Engine::Status and Engine::Cancel.
  absl::StatusOr<WorkflowTask> Await(const std::string& task, const std::function<int()>& stop);

 private:
  absl::StatusOr<std::optional<WorkflowTask>> Look(const std::string& task);
  absl::Status Refresh() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status HeedStop(int stops);

  Engine& engine_;
  const std::string run_;
  absl::Mutex mutex_;
  std::map<std::string, WorkflowTask> tasks_ ABSL_GUARDED_BY(mutex_);
  bool ended_ ABSL_GUARDED_BY(mutex_) = false;
  std::string cursor_ ABSL_GUARDED_BY(mutex_);
  absl::Time fresh_until_ ABSL_GUARDED_BY(mutex_) = absl::InfinitePast();
  absl::Time heard_ ABSL_GUARDED_BY(mutex_) = SteadyNow();
  absl::Duration poll_ ABSL_GUARDED_BY(mutex_);
  int canceled_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace deps

#endif  // DEPS_TOOLS_DEPS_RUN_REMOTE_RUN_H_
