#include "lib/base/parallel.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>

namespace deps {
namespace {

// Does `work` on so many threads, while the caller does `own`. Where no more
// threads can be had, there are fewer.
void WithThreads(size_t count, const std::function<void()>& work,
                 const std::function<void()>& own) {
  std::vector<std::thread> threads;
  try {
    for (size_t i = 0; i < count; ++i) threads.emplace_back(work);
  } catch (const std::system_error&) {
  }
  own();
  for (std::thread& thread : threads) thread.join();
}

// What UseInOrder does, whose threads share it.
class TextsInOrder {
 public:
  TextsInOrder(size_t threads, size_t count, const std::function<std::string(size_t)>& make)
      : most_(2 * threads), make_(make), texts_(count) {}

  void MakeAll() {
    std::unique_lock<std::mutex> lock(mutex_);
    while (true) {
      changed_.wait(lock, [this] { return begun_ == texts_.size() || HasRoom(); });
      if (begun_ == texts_.size()) return;
      MakeOne(lock);
    }
  }

  void UseAll(const std::function<void(std::string_view)>& use) {
    std::unique_lock<std::mutex> lock(mutex_);
    while (used_ < texts_.size()) {
      if (texts_[used_]) {
        const std::string text = *std::exchange(texts_[used_], std::nullopt);
        lock.unlock();
        use(text);
        lock.lock();
        ++used_;
        changed_.notify_all();
      } else if (begun_ < texts_.size() && HasRoom()) {
        MakeOne(lock);
      } else {
        changed_.wait(lock);
      }
    }
  }

 private:
  bool HasRoom() const { return begun_ < used_ + most_; }

  void MakeOne(std::unique_lock<std::mutex>& lock) {
    const size_t i = begun_++;
    lock.unlock();
    std::string text = make_(i);
    lock.lock();
    texts_[i] = std::move(text);
    changed_.notify_all();
  }

  const size_t most_;
  const std::function<std::string(size_t)>& make_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::optional<std::string>> texts_;  // Those that are made and not used.
  size_t begun_ = 0;
  size_t used_ = 0;
};

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
  const std::function<void()> work = [&] {
    while (!failed) {
      const size_t i = next++;
      if (i >= steps.size()) return;
      results[i] = steps[i]();
      if (!results[i].ok()) failed = true;
    }
  };
  const size_t threads = std::min(steps.size(), static_cast<size_t>(std::max(jobs, 1)));
  if (threads > 0) WithThreads(threads - 1, work, work);
  for (const absl::Status& result : results) {
    if (!result.ok()) return result;
  }
  return absl::OkStatus();
}

void UseInOrder(size_t count, const std::function<std::string(size_t)>& make,
                const std::function<void(std::string_view)>& use) {
  if (count == 0) return;
  const size_t threads = std::min(count, static_cast<size_t>(Processors()));
  TextsInOrder texts(threads, count, make);
  WithThreads(
      threads - 1, [&] { texts.MakeAll(); }, [&] { texts.UseAll(use); });
}

}  // namespace deps
