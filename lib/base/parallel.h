// Independent steps on several threads.
#ifndef DEPS_LIB_BASE_PARALLEL_H_
#define DEPS_LIB_BASE_PARALLEL_H_

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"

namespace deps {

// How many threads this process can run at the same time, at most 8: more wait
// for memory.
int Processors();

// From `begin` to before `end`.
struct IndexRange {
  size_t begin = 0;
  size_t end = 0;
  bool operator==(const IndexRange&) const = default;
};

// Ranges for that many threads, which together are 0 to `count`: one after the
// other, of one size but for 1, and not smaller than `smallest` where there are
// several. At least one.
std::vector<IndexRange> RangesForThreads(size_t count, size_t smallest, int threads = Processors());

// Runs all of `steps` on up to `jobs` threads. After an error no further step
// begins; of the errors, that of the first step in order is returned.
absl::Status RunSteps(const std::vector<std::function<absl::Status()>>& steps, int jobs);

// Calls `use`, on the caller's thread, with make(0), …, make(count - 1), one after
// the other. Texts are made on all processors; no more than two for each of them
// are there at once.
void UseInOrder(size_t count, const std::function<std::string(size_t)>& make,
                const std::function<void(std::string_view)>& use);

}  // namespace deps

#endif  // DEPS_LIB_BASE_PARALLEL_H_
