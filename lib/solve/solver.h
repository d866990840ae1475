// A complete search over packages and numbered candidates. It knows no bundle,
// no version and no range: see resolve.h for those.
#ifndef DEPS_LIB_SOLVE_SOLVER_H_
#define DEPS_LIB_SOLVE_SOLVER_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"

namespace deps {

using PackageId = int;

// That a package has a candidate which this requirement allows. `id` is the
// problem's own.
struct PackageRequirement {
  PackageId package = 0;
  int id = 0;
};

// What is to be solved. Answers may be expensive (a registry is asked): the
// solver asks only for what the search comes to. Answers must not change while
// Generation() stays the same. An error ends the search.
class Problem {
 public:
  virtual ~Problem() = default;
  // How many candidates a package has; 0 is the best.
  virtual absl::StatusOr<size_t> Candidates(PackageId package) = 0;
  // What a candidate requires. May make the candidates of other packages grow
  // or change; then it moves Generation().
  virtual absl::StatusOr<std::vector<PackageRequirement>> Requirements(PackageId package,
                                                                       size_t candidate) = 0;
  virtual absl::StatusOr<bool> Allows(int requirement, size_t candidate) = 0;
  // Packages whose candidates cannot be together for a reason that only shows
  // in a whole selection; empty where it is good.
  virtual absl::StatusOr<std::vector<PackageId>> Verify(
      const std::map<PackageId, size_t>& selected) = 0;
  // Changes whenever an answer that was given would now be another.
  virtual int Generation() const = 0;
};

struct Demand {
  PackageId by = 0;
  size_t candidate = 0;  // The candidate of `by` that was selected.
  PackageRequirement requirement = {};
};

// Why a package could get no candidate. Shared parts of a proof are one object.
struct DeadEnd;

struct Rejection {
  enum class Cause {
    kNotAllowed,  // `requirement` of `other` does not allow the candidate.
    kUnmet,       // `requirement` of the candidate cannot be met: `other` is its package.
    kLater,       // All that follows from it fails: `because`.
    kVerify,      // Verify names it.
  };
  size_t candidate = 0;
  Cause cause = Cause::kNotAllowed;
  PackageRequirement requirement = {};
  PackageId other = 0;
  std::vector<Demand> demands = {};  // kUnmet: what `other` had to meet already.
  std::shared_ptr<const DeadEnd> because = nullptr;
};

struct DeadEnd {
  PackageId package = 0;
  std::vector<Demand> demands;  // All that the package had to meet.
  std::vector<Rejection> rejections;
  std::vector<PackageId> verify;  // Where Verify refused; `rejections` is empty.
};

struct SolverResult {
  std::map<PackageId, size_t> selected;  // Empty where there is no solution.
  std::shared_ptr<const DeadEnd> proof;  // Where there is none.
  int64_t decisions = 0;
};

// Selects candidates for `root` (a package that has one candidate) and all that
// the selection requires, so that every requirement is allowed.
//
// Complete: where it says that there is no solution there is none.
// Deterministic: packages are decided in breadth-first order of discovery, each
// takes its best candidate that is possible given those before it.
// The search jumps back over decisions that have no part in a conflict, and
// keeps what it learned as sets of choices that fail together.
//
// Errors: those of the problem; solve-limit after `max_decisions`.
absl::StatusOr<SolverResult> Solve(Problem& problem, PackageId root,
                                   int64_t max_decisions = 1'000'000);

}  // namespace deps

#endif  // DEPS_LIB_SOLVE_SOLVER_H_
