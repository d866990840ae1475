#include "lib/relocate/parallel.h"

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <functional>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "lib/relocate/watcher.h"

namespace deps {

Watcher& Nobody() {
  static Watcher watcher;
  return watcher;
}

absl::Status RunSteps(const std::vector<std::function<absl::Status()>>& steps, int jobs) {
  std::vector<absl::Status> results(steps.size());
  std::atomic<size_t> next = 0;
  std::atomic<bool> failed = false;
  const auto work = [&] {
    while (!failed) {
      const size_t i = next++;
      if (i >= steps.size()) return;
      results[i] = steps[i]();
      if (!results[i].ok()) failed = true;
    }
  };
  const size_t count = std::min(steps.size(), static_cast<size_t>(std::max(jobs, 1)));
  std::vector<std::thread> threads;
  for (size_t i = 1; i < count; ++i) threads.emplace_back(work);
  work();
  for (std::thread& thread : threads) thread.join();
  for (const absl::Status& result : results) {
    if (!result.ok()) return result;
  }
  return absl::OkStatus();
}

}  // namespace deps
