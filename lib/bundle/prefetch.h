// Asking registries ahead of need.
#ifndef DEPS_LIB_BUNDLE_PREFETCH_H_
#define DEPS_LIB_BUNDLE_PREFETCH_H_

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace deps {

// Runs jobs that ask a Catalog for what will be asked for soon, several at once.
// They give nothing back: whoever needs an answer asks the catalog, which has it
// by then or is on the way. So what is decided never depends on time.
class Prefetch {
 public:
  // At most `jobs` at once; threads begin with the first ones.
  explicit Prefetch(size_t jobs = 8) : jobs_(jobs) {}
  // Drops what has not begun and waits for the rest.
  ~Prefetch();
  Prefetch(const Prefetch&) = delete;
  Prefetch& operator=(const Prefetch&) = delete;

  // `job` must own what it uses, other than what outlives this object.
  void Add(std::function<void()> job);

 private:
  void Work();

  const size_t jobs_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> waiting_;
  size_t idle_ = 0;
  bool ends_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace deps

#endif  // DEPS_LIB_BUNDLE_PREFETCH_H_
