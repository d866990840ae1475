// How much time has passed, whatever is done to the machine's clock.
#ifndef DEPS_LIB_BASE_STEADY_CLOCK_H_
#define DEPS_LIB_BASE_STEADY_CLOCK_H_

#include <time.h>

#include "absl/time/time.h"

namespace deps {

// For deadlines and measurements: a step of the clock does not change it. It is
// to be compared with other values of SteadyNow only, and says nothing to people.
inline absl::Time SteadyNow() {
  timespec now = {};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return absl::TimeFromTimespec(now);
}

}  // namespace deps

#endif  // DEPS_LIB_BASE_STEADY_CLOCK_H_
