// A run on another engine, for many threads that wait for its tasks.
#ifndef DEPS_TOOLS_DEPS_RUN_REMOTE_RUN_H_
#define DEPS_TOOLS_DEPS_RUN_REMOTE_RUN_H_

#include <atomic>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <thread>

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

// A thread of its own asks the engine: at first every 200 ms, then less and less
// often, down to every 5 s, while nothing changes. An engine that does not answer
// is asked again for ten minutes. Thread-safe.
class RemoteRun {
 public:
  RemoteRun(Engine& engine, std::string run);
  RemoteRun(const RemoteRun&) = delete;
  RemoteRun& operator=(const RemoteRun&) = delete;
  ~RemoteRun();

  // Whether `task` runs or has ended. Also where that cannot be known any more:
  // Await tells why. Does not wait for the engine.
  bool HasBegun(const std::string& task);
  // What the run has of `task` once that has ended; status "unknown" where the run
  // ends and does not tell. `stop` tells how often the
  // run was asked to stop: at the first time the engine is asked to cancel it, at
  // the second to force it. Errors: those of Engine::Status and Engine::Cancel.
  absl::StatusOr<WorkflowTask> Await(const std::string& task, const std::function<int()>& stop);

 private:
  void Watch();
  absl::StatusOr<std::optional<WorkflowTask>> Find(const std::string& task);
  void Take(absl::StatusOr<EngineStatus> status);
  absl::Status HeedStop(int stops);

  Engine& engine_;
  const std::string run_;
  std::atomic<bool> over_ = false;
  absl::Mutex mutex_;
  std::map<std::string, WorkflowTask> tasks_ ABSL_GUARDED_BY(mutex_);
  absl::Status trouble_ ABSL_GUARDED_BY(mutex_);  // Once it is asked no more.
  bool ended_ ABSL_GUARDED_BY(mutex_) = false;
  std::string cursor_ ABSL_GUARDED_BY(mutex_);
  absl::Time next_ ABSL_GUARDED_BY(mutex_) = absl::InfinitePast();
  absl::Time heard_ ABSL_GUARDED_BY(mutex_) = SteadyNow();
  absl::Duration poll_ ABSL_GUARDED_BY(mutex_);
  int canceled_ ABSL_GUARDED_BY(mutex_) = 0;
  std::thread watcher_;
};

}  // namespace deps

#endif  // DEPS_TOOLS_DEPS_RUN_REMOTE_RUN_H_
