// Values that live as long as the process.
#ifndef DEPS_LIB_BASE_TO_THE_END_H_
#define DEPS_LIB_BASE_TO_THE_END_H_

#include <memory>
#include <utility>
#include <vector>

namespace deps {

// Keeps `value` until the process ends, which gives its memory back at once:
// for what a command needs to its last act, and what takes long to destroy
// piece by piece. Not for what has more than memory: no destructor is called.
// Not thread-safe.
template <typename T>
T& KeepToTheEnd(T value) {
  static auto* const kept = new std::vector<std::unique_ptr<T>>();
  return *kept->emplace_back(std::make_unique<T>(std::move(value)));
}

}  // namespace deps

#endif  // DEPS_LIB_BASE_TO_THE_END_H_
