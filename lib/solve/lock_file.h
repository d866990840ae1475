// Between a Solution and its Lock.
#ifndef DEPS_LIB_SOLVE_LOCK_FILE_H_
#define DEPS_LIB_SOLVE_LOCK_FILE_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "lib/diag/diagnostic.h"
#include "lib/model/graph.h"
#include "lib/model/lock.h"
#include "lib/solve/contender.h"

namespace deps {

// What a later run holds to. Of a reused installation its name is kept, or what
// `before` says of the bundle that it runs: a lock does not change because what
// it holds was installed.
Lock LockOf(const Graph& solution, const Lock& before);

// The tag of a locked candidate leads to another digest than it did.
// Error: lock-tampered.
absl::Status Tampered(const Contender& locked, const std::string& digest);

// One diagnostic (lock-differs) for each node that is added, gone or other.
std::vector<Diagnostic> Differences(const Lock& locked, const Lock& now);

}  // namespace deps

#endif  // DEPS_LIB_SOLVE_LOCK_FILE_H_
