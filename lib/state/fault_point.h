// Where a crash is to be tried out: every place between two steps that a crash
// can separate passes a fault point.
#ifndef DEPS_LIB_STATE_FAULT_POINT_H_
#define DEPS_LIB_STATE_FAULT_POINT_H_

#include <atomic>

namespace deps {

// Nothing, unless a test's program sets it.
inline std::atomic<void (*)(const char* name)> fault_hook = nullptr;

inline void FaultPoint(const char* name) {
  if (void (*hook)(const char*) = fault_hook.load(std::memory_order_relaxed)) hook(name);
}

}  // namespace deps

#endif  // DEPS_LIB_STATE_FAULT_POINT_H_
