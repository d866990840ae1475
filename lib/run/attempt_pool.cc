#include "lib/run/attempt_pool.h"

#include <utility>

#include "lib/base/steady_clock.h"
#include "lib/run/scratch.h"

namespace deps {
namespace {

// One transaction for many attempts costs little more than for one.
constexpr absl::Duration kGather = absl::Milliseconds(10);

// A mutex that is held, for std::condition_variable_any: its waits take as long
// as they say, while those of absl end at a time of the machine's clock.
class Held {
 public:
  explicit Held(absl::Mutex& mutex) : mutex_(mutex) {}
  void lock() ABSL_NO_THREAD_SAFETY_ANALYSIS { mutex_.Lock(); }
  void unlock() ABSL_NO_THREAD_SAFETY_ANALYSIS { mutex_.Unlock(); }

 private:
  absl::Mutex& mutex_;
};

}  // namespace

AttemptPool::~AttemptPool() {
  {
    absl::MutexLock lock(&mutex_);
    waiting_.clear();
    over_ = true;
  }
  for (std::thread& thread : threads_) thread.join();
  absl::MutexLock lock(&mutex_);
  for (const std::string& folder : discarded_) RemoveScratch(folder);
}

void AttemptPool::Start(ClaimedTask task) {
  absl::MutexLock lock(&mutex_);
  ++count_;
  waiting_.push_back(std::move(task));
  if (static_cast<int64_t>(waiting_.size()) <= idle_ ||
      static_cast<int64_t>(threads_.size()) >= jobs_) {
    return;
  }
  running_.emplace_back();
  threads_.emplace_back(&AttemptPool::Work, this, threads_.size());
}

std::vector<Claim> AttemptPool::Withdraw() {
  absl::MutexLock lock(&mutex_);
  std::vector<Claim> claims;
  for (ClaimedTask& job : waiting_) claims.push_back(std::move(job.claim));
  count_ -= static_cast<int64_t>(waiting_.size());
  waiting_.clear();
  return claims;
}

void AttemptPool::Discard(std::string folder) {
  absl::MutexLock lock(&mutex_);
  discarded_.push_back(std::move(folder));
}

std::vector<AttemptPool::Ended> AttemptPool::Take(absl::Duration timeout) {
  absl::MutexLock lock(&mutex_);
  Held held(mutex_);
  const auto some = [this]() ABSL_SHARED_LOCKS_REQUIRED(mutex_) { return !ended_.empty(); };
  changed_.wait_for(held, absl::ToChronoNanoseconds(timeout), some);
  const auto scarce = [this]() ABSL_SHARED_LOCKS_REQUIRED(mutex_) {
    return static_cast<int64_t>(waiting_.size()) <= jobs_;
  };
  if (some()) changed_.wait_for(held, absl::ToChronoNanoseconds(kGather), scarce);
  count_ -= static_cast<int64_t>(ended_.size());
  return std::exchange(ended_, {});
}

int64_t AttemptPool::Count() const {
  absl::MutexLock lock(&mutex_);
  return count_;
}

std::vector<RunningTask> AttemptPool::Running() const {
  absl::MutexLock lock(&mutex_);
  std::vector<RunningTask> running;
  for (const RunningTask& task : running_) {
    if (!task.id.empty()) running.push_back(task);
  }
  return running;
}

void AttemptPool::Work(size_t thread) {
  mutex_.Lock();
  while (true) {
    const auto wanted = [this]() ABSL_SHARED_LOCKS_REQUIRED(mutex_) {
      return over_ || !waiting_.empty() || !discarded_.empty();
    };
    ++idle_;
    mutex_.Await(absl::Condition(&wanted));
    --idle_;
    if (waiting_.empty() && !discarded_.empty()) {
      const std::string folder = std::move(discarded_.back());
      discarded_.pop_back();
      mutex_.Unlock();
      RemoveScratch(folder);
      mutex_.Lock();
      continue;
    }
    if (waiting_.empty()) break;
    ClaimedTask job = std::move(waiting_.front());
    waiting_.pop_front();
    changed_.notify_one();
    const absl::Time begin = SteadyNow();
    running_[thread] = {.id = job.claim.task, .since = begin};
    mutex_.Unlock();
    TaskResult result = run_(job.task, job.claim);
    mutex_.Lock();
    running_[thread].id.clear();
    ended_.push_back({std::move(job.claim), std::move(result), SteadyNow() - begin});
    changed_.notify_one();
  }
  mutex_.Unlock();
}

}  // namespace deps
