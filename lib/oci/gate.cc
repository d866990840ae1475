#include "lib/oci/gate.h"

#include <algorithm>
#include <chrono>
#include <mutex>

#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace deps {
namespace {

// A signal wakes nobody: how long it takes until it is seen.
constexpr absl::Duration kLook = absl::Milliseconds(50);

}  // namespace

void Gate::Enter() {
  std::unique_lock<std::mutex> lock(mutex_);
  while (stop_ == nullptr || *stop_ == 0) {
    const absl::Duration wait = not_before_ - absl::Now();
    const bool pause = wait > absl::ZeroDuration();
    if (inside_ < limit_ && !pause) break;
    free_.wait_for(lock, absl::ToChronoMicroseconds(pause ? std::min(wait, kLook) : kLook));
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
