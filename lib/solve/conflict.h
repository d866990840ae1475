// What a conflict teaches.
#ifndef DEPS_LIB_SOLVE_CONFLICT_H_
#define DEPS_LIB_SOLVE_CONFLICT_H_

#include <memory>
#include <optional>
#include <queue>
#include <utility>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "lib/solve/clause.h"
#include "lib/solve/solver.h"
#include "lib/solve/steady_vector.h"
#include "lib/solve/trail.h"

namespace deps {

struct Lesson {
  // A clause that follows, all of whose terms hold now, the newest first. Where
  // there are none, the root itself is to blame: there is no solution.
  absl::InlinedVector<Term, 2> terms;
  std::unique_ptr<Derivation> derivation;  // Without steps: it is the conflict itself.
  int level = 0;                           // Up to here all hold but the first.
  bool is_decided = false;                 // The first holds by a decision.
};

// Goes back in time from a conflict, replacing what holds by what it follows
// from, until one decision alone can be blamed: its level has one term.
class ConflictResolver {
 public:
  // Both must outlive it.
  ConflictResolver(const Trail& trail, const SteadyVector<Clause>& clauses)
      : trail_(trail), clauses_(clauses) {}

  Lesson Resolve(ClauseId conflict);

 private:
  // The term of a package, and the entry since which it holds.
  struct Blame {
    CandidateSet term;
    int satisfier = Trail::kNone;
  };
  struct Blamed {
    int level = 0;
    int satisfier = Trail::kNone;
    PackageId package = 0;
    bool operator<(const Blamed& other) const {
      return std::pair(level, satisfier) < std::pair(other.level, other.satisfier);
    }
  };

  CandidateSet Resolvent(const Term& term, PackageId pivot) const;
  void Set(PackageId package, CandidateSet set);
  std::optional<Blamed> Newest();
  std::optional<Blamed> TakeNewest();

  const Trail& trail_;
  const SteadyVector<Clause>& clauses_;
  SteadyVector<Blame> blames_;          // By package.
  std::priority_queue<Blamed> blamed_;  // Those that have a satisfier, and some that had.
};

}  // namespace deps

#endif  // DEPS_LIB_SOLVE_CONFLICT_H_
