// Why there is no solution, in sentences that a person can act on.
#ifndef DEPS_LIB_SOLVE_EXPLAIN_H_
#define DEPS_LIB_SOLVE_EXPLAIN_H_

#include <set>
#include <string>
#include <vector>

#include "lib/model/graph.h"
#include "lib/solve/package_space.h"
#include "lib/solve/solver.h"

namespace deps {

// The proof as a few steps, each of a few sentences; the last one is that the
// root has no solution. Each sentence is a fact (who needs what, what there is)
// or the outcome of an earlier step, which it names.
// Time: O(size of the proof).
std::vector<Explanation> Explain(const Proof& proof, const PackageSpace& space);

// The packages that the proof speaks of.
std::set<PackageId> PackagesOf(const Proof& proof);

}  // namespace deps

#endif  // DEPS_LIB_SOLVE_EXPLAIN_H_
