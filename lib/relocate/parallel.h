// Independent steps on several threads.
#ifndef DEPS_LIB_RELOCATE_PARALLEL_H_
#define DEPS_LIB_RELOCATE_PARALLEL_H_

#include <functional>
#include <vector>

#include "absl/status/status.h"

namespace deps {

// Runs all of `steps` on up to `jobs` threads. After an error no further step
// begins; of the errors, that of the first step in order is returned.
absl::Status RunSteps(const std::vector<std::function<absl::Status()>>& steps, int jobs);

}  // namespace deps

#endif  // DEPS_LIB_RELOCATE_PARALLEL_H_
