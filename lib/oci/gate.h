// How many requests a registry gets at once: fewer after it has said that there
// are too many (429), more again while it takes them.
#ifndef DEPS_LIB_OCI_GATE_H_
#define DEPS_LIB_OCI_GATE_H_

#include <atomic>
#include <condition_variable>
#include <mutex>

#include "absl/time/time.h"

namespace deps {

// Any number of threads may use one object.
class Gate {
 public:
  // Nobody waits any longer once `stop` is other than 0.
  explicit Gate(const std::atomic<int>* stop = nullptr) : stop_(stop) {}

  // Waits until a request may be sent.
  void Enter();
  // A request has ended well.
  void Leave();
  // A request was refused with 429: half as many from now on, and none before
  // `wait` is over.
  void LeaveRefused(absl::Duration wait);

  int limit() const;

 private:
  static constexpr int kMost = 64;  // Commands have no more jobs.
  // So many requests go well before one more is sent at once.
  static constexpr int kGoodForMore = 10;

  const std::atomic<int>* const stop_;
  mutable std::mutex mutex_;
  std::condition_variable free_;
  int limit_ = kMost;
  int inside_ = 0;
  int good_ = 0;
  absl::Time not_before_ = absl::InfinitePast();
};

}  // namespace deps

#endif  // DEPS_LIB_OCI_GATE_H_
