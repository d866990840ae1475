// How the search keeps an incompatibility, and how a proof is made of many.
#ifndef DEPS_LIB_SOLVE_CLAUSE_H_
#define DEPS_LIB_SOLVE_CLAUSE_H_

#include <memory>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "absl/functional/function_ref.h"
#include "lib/solve/solver.h"
#include "lib/solve/steady_vector.h"

namespace deps {

using ClauseId = int;

// Resolution with another clause on a package that both have.
struct ResolutionStep {
  PackageId pivot = 0;
  ClauseId with = 0;
};

struct Derivation {
  ClauseId start = 0;  // What the steps begin with.
  std::vector<ResolutionStep> steps;
};

// An incompatibility. A term may have come to have everything; it then says
// nothing.
struct Clause {
  absl::InlinedVector<Term, 2> terms;
  Incompatibility::Cause cause = Incompatibility::Cause::kDerived;
  bool provisional = false;                // kRequires.
  int id = 0;                              // kRequires, kExcludes: as in Incompatibility.
  PackageId required = 0;                  // kRequires.
  int place = 0;                           // kRequires: among those of `required`.
  int watched[2] = {0, 0};                 // Others: two of `terms`, if there are two.
  std::unique_ptr<Derivation> derivation;  // kDerived.
};

// The proof of the last clause: each step of the clauses it needs becomes an
// incompatibility. `everything` gives the full set of a package.
//
// Clauses may have grown since they were resolved; the proof is made from what
// they are now, which only makes it stronger.
Proof MakeProof(const SteadyVector<Clause>& clauses,
                absl::FunctionRef<const CandidateSet&(PackageId)> everything);

}  // namespace deps

#endif  // DEPS_LIB_SOLVE_CLAUSE_H_
