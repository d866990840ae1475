#include "lib/oci/gate.h"

#include <algorithm>
#include <mutex>

#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace deps {

void Gate::Enter() {
  std::unique_lock<std::mutex> lock(mutex_);
  while (true) {
    free_.wait(lock, [this] { return inside_ < limit_; });
    const absl::Duration wait = not_before_ - absl::Now();
    if (wait <= absl::ZeroDuration()) break;
    free_.wait_for(lock, absl::ToChronoMilliseconds(wait) + std::chrono::milliseconds(1));
  }
  ++inside_;
}

void Gate::Leave() {
  const std::lock_guard<std::mutex> lock(mutex_);
  --inside_;
  if (limit_ < kMost && ++good_ >= kGoodForMore) {
    ++limit_;
    good_ = 0;
  }
  free_.notify_all();
}

void Gate::LeaveRefused(absl::Duration wait) {
  const std::lock_guard<std::mutex> lock(mutex_);
  // Half of what was sent at once, which may be far below the limit.
  limit_ = std::max(1, std::min(limit_, inside_) / 2);
  good_ = 0;
  --inside_;
  not_before_ = std::max(not_before_, absl::Now() + wait);
  free_.notify_all();
}

int Gate::limit() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return limit_;
}

}  // namespace deps
