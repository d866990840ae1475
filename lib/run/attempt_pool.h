// Threads that run attempts.
#ifndef DEPS_LIB_RUN_ATTEMPT_POOL_H_
#define DEPS_LIB_RUN_ATTEMPT_POOL_H_

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "lib/model/plan.h"
#include "lib/run/scheduler.h"
#include "lib/state/store.h"

namespace deps {

class AttemptPool {
 public:
  using Run = std::function<TaskResult(const PlannedTask&, const Claim&)>;

  // At most `jobs` threads, made when they are needed.
  AttemptPool(int64_t jobs, Run run) : jobs_(jobs), run_(std::move(run)) {}
  AttemptPool(const AttemptPool&) = delete;
  AttemptPool& operator=(const AttemptPool&) = delete;
  // Waits for what runs; what was not begun is not.
  ~AttemptPool();

  void Start(ClaimedTask task);
  // Claims that no thread has begun; they are taken back.
  std::vector<Claim> Withdraw();
  // A folder of an attempt that is over, to be removed when there is time.
  void Discard(std::string folder);

  struct Ended {
    Claim claim;
    TaskResult result;
    absl::Duration took;
  };
  // What has ended since the last call, after waiting up to `timeout` for some;
  // and, as long as there is enough to do, a few milliseconds for more.
  std::vector<Ended> Take(absl::Duration timeout);
  // Attempts that were started and not taken.
  int64_t Count() const;
  std::vector<RunningTask> Running() const;

 private:
  void Work(size_t thread);

  const int64_t jobs_;
  const Run run_;
  mutable absl::Mutex mutex_;
  std::condition_variable_any changed_;  // waiting_ is shorter or ended_ longer.
  std::deque<ClaimedTask> waiting_ ABSL_GUARDED_BY(mutex_);
  std::vector<RunningTask> running_ ABSL_GUARDED_BY(mutex_);  // By thread; "" is idle.
  std::vector<Ended> ended_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::string> discarded_ ABSL_GUARDED_BY(mutex_);
  int64_t idle_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t count_ ABSL_GUARDED_BY(mutex_) = 0;
  bool over_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<std::thread> threads_;
};

}  // namespace deps

#endif  // DEPS_LIB_RUN_ATTEMPT_POOL_H_
