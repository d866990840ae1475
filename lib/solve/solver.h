// A complete, conflict-driven search over packages and numbered candidates, of
// the family of PubGrub. It knows no bundle, no version and no range: see
// resolve.h for those.
#ifndef DEPS_LIB_SOLVE_SOLVER_H_
#define DEPS_LIB_SOLVE_SOLVER_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "lib/solve/candidate_set.h"

namespace deps {

// Small numbers from 0 on.
using PackageId = int;

// That a package is there, with one of the candidates that are allowed.
struct PackageRequirement {
  PackageId package = 0;
  CandidateSet allowed;  // Without absence. Empty: nothing meets it.
  // The problem's own. Requirements of one package that agree in all members
  // are taken for one that several candidates share.
  int id = 0;
  // `allowed` is what is known so far: Confirms has the last word.
  bool provisional = false;
};

// That a package has one of these candidates (or, where the set says so, none).
struct Term {
  PackageId package = 0;
  CandidateSet set;
  bool operator==(const Term&) const = default;
};

// What cannot hold together for a reason that only a whole selection shows.
struct Exclusion {
  std::vector<Term> terms;  // All of them hold in the selection. Empty: it is good.
  int id = 0;               // The problem's own.
};

// The candidate of each package by its number; kNotSelected for a package that
// nothing requires, or that lies beyond the end.
using Selection = std::vector<int>;
inline constexpr int kNotSelected = -1;

// What is to be solved. Answers may be expensive (a registry is asked): the
// solver asks only for what the search comes to, and in an order that depends
// on the answers alone. An error ends the search.
class Problem {
 public:
  virtual ~Problem() = default;
  // How many candidates a package has; 0 is the best.
  virtual absl::StatusOr<size_t> Candidates(PackageId package) = 0;
  // What a candidate requires. Asked once for each candidate that is tried.
  virtual absl::StatusOr<std::vector<PackageRequirement>> Requirements(PackageId package,
                                                                       size_t candidate) = 0;
  // Whether a candidate of the required package, which `allowed` has, meets a
  // provisional requirement. Asked when both sides are about to be selected.
  virtual absl::StatusOr<bool> Confirms(int requirement, size_t candidate);
  // Asked for each selection that meets all requirements.
  virtual absl::StatusOr<Exclusion> Verify(const Selection& selection);
  // Answers stay the same until this is called. Returns whether one of those
  // given would now be another (a list of candidates has grown): the search
  // then starts again. It is called where that might matter: when a candidate
  // fails, and at the end.
  virtual bool Renew() { return false; }
  // A package was discovered, and this candidate will probably be tried: a
  // good moment to fetch ahead.
  virtual void Expect(PackageId, size_t) {}
};

// A set of terms that cannot all hold, and why.
struct Incompatibility {
  enum class Cause {
    kRequires,  // The candidates of the first term require `required`; see below.
    kExcludes,  // Verify said so.
    kDerived,   // It follows from two others.
  };
  // kRequires: {p in S} and {q not in Q}: every candidate in S requires that q
  //   is in Q. Where Q is empty, or p is q, there is no second term.
  // kExcludes: as Verify gave them.
  // kDerived: by package. No term is empty, or has everything.
  std::vector<Term> terms;
  Cause cause = Cause::kDerived;
  int id = 0;              // kRequires: of the requirement. kExcludes: of the exclusion.
  PackageId required = 0;  // kRequires: q.
  // kDerived: earlier elements of the proof. The pivot's set is the union of
  // theirs, every other set the intersection (a term that is not there has
  // everything); this is resolution.
  size_t parents[2] = {0, 0};
  PackageId pivot = 0;
};

// Why there is no solution: parents come before what follows from them, and the
// last says that the root cannot be selected.
using Proof = std::vector<Incompatibility>;

struct SolverResult {
  bool found = false;
  Selection selection;    // Where there is a solution.
  Proof proof;            // Where there is none.
  int64_t decisions = 0;  // Candidates that were tried.
};

// Selects candidates for `root` (a package that has one candidate) and all that
// the selection requires, so that every requirement is met.
//
// Complete: where it says that there is no solution there is none, and `proof`
// shows it.
// Deterministic and optimal: packages are decided in the order in which a
// breadth-first walk from the root discovers them, and each gets the best
// candidate with which, given those before it, there is a solution.
//
// Each conflict is resolved into a new incompatibility, which is kept; the
// search jumps back to where it first would have told, or changes the decision to
// blame in its place where later ones do not depend on it. Candidates that require
// the same are treated as one, so many that fail for one reason fail at once.
// Iterative throughout: depth costs memory only.
//
// Errors: those of the problem; solve-limit after `max_decisions`, or where what
// was learned takes about a gigabyte.
absl::StatusOr<SolverResult> Solve(Problem& problem, PackageId root,
                                   int64_t max_decisions = 10'000'000);

}  // namespace deps

#endif  // DEPS_LIB_SOLVE_SOLVER_H_
