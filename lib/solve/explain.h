// Why there is no solution, in sentences that a person can act on.
#ifndef DEPS_LIB_SOLVE_EXPLAIN_H_
#define DEPS_LIB_SOLVE_EXPLAIN_H_

#include <vector>

#include "absl/status/statusor.h"
#include "lib/model/graph.h"
#include "lib/solve/package_space.h"
#include "lib/solve/solver.h"

namespace deps {

// The steps of the proof, the conclusion first; at most 12.
absl::StatusOr<std::vector<Explanation>> Explain(const DeadEnd& proof, PackageSpace& space);

}  // namespace deps

#endif  // DEPS_LIB_SOLVE_EXPLAIN_H_
