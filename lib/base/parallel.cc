#include "lib/base/parallel.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <system_error>
#include <thread>

namespace deps {
namespace {

// The caller's thread is one of them. Where no more can be had, the others do all.
void OnThreads(size_t count, const std::function<void()>& work) {
  std::vector<std::thread> threads;
  try {
    for (size_t i = 1; i < count; ++i) threads.emplace_back(work);
  } catch (const std::system_error&) {
  }
  work();
  for (std::thread& thread : threads) thread.join();
}

}  // namespace

int Processors() {
  return static_cast<int>(std::clamp(std::thread::hardware_concurrency(), 1U, 8U));
}

std::vector<IndexRange> RangesForThreads(size_t count, size_t smallest, int threads) {
  const size_t size = std::clamp(count / smallest, size_t{1}, static_cast<size_t>(threads));
  std::vector<IndexRange> ranges(size);
  for (size_t i = 0; i < size; ++i) ranges[i] = {count * i / size, count * (i + 1) / size};
  return ranges;
}

absl::Status RunSteps(const std::vector<std::function<absl::Status()>>& steps, int jobs) {
  std::vector<absl::Status> results(steps.size());
  std::atomic<size_t> next = 0;
  std::atomic<bool> failed = false;
  OnThreads(std::min(steps.size(), static_cast<size_t>(std::max(jobs, 1))), [&] {
    while (!failed) {
      const size_t i = next++;
      if (i >= steps.size()) return;
      results[i] = steps[i]();
      if (!results[i].ok()) failed = true;
    }
  });
  for (const absl::Status& result : results) {
    if (!result.ok()) return result;
  }
  return absl::OkStatus();
}

void UseInOrder(size_t count, const std::function<std::string(size_t)>& make,
                const std::function<void(std::string_view)>& use) {
  std::atomic<size_t> next = 0;
  std::mutex mutex;
  std::condition_variable changed;
  size_t used = 0;
  OnThreads(std::min(count, static_cast<size_t>(Processors())), [&] {
    for (size_t i = next++; i < count; i = next++) {
      const std::string text = make(i);
      std::unique_lock<std::mutex> lock(mutex);
      // Somebody is at the one before: texts are taken in order.
      changed.wait(lock, [&] { return used == i; });
      use(text);
      ++used;
      changed.notify_all();
    }
  });
}

}  // namespace deps
