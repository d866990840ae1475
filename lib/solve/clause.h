// How the search keeps an incompatibility, and how a proof is made of many.
#ifndef DEPS_LIB_SOLVE_CLAUSE_H_
#define DEPS_LIB_SOLVE_CLAUSE_H_

#include <vector>

#include "absl/container/inlined_vector.h"
#include "absl/functional/function_ref.h"
#include "lib/solve/solver.h"

namespace deps {

using ClauseId = int;

// Resolution with another clause on a package that both have.
struct ResolutionStep {
  PackageId pivot = 0;
  ClauseId with = 0;
};

// An incompatibility. A term may have come to have everything; it then says
// nothing.
struct Clause {
  absl::InlinedVector<Term, 2> terms;
  Incompatibility::Cause cause = Incompatibility::Cause::kDerived;
  int id = 0;                         // kRequires, kExcludes: as in Incompatibility.
  PackageId required = 0;             // kRequires.
  bool provisional = false;           // kRequires.
  CandidateSet confirmed;             // kRequires: of `required`, where provisional.
  ClauseId start = 0;                 // kDerived: what the steps begin with.
  std::vector<ResolutionStep> steps;  // kDerived.
  int watched[2] = {0, 0};            // kDerived, kExcludes: two of `terms`, if there are two.
};

// The proof of the last clause: each step of the clauses it needs becomes an
// incompatibility. `everything` gives the full set of a package.
//
// Clauses may have grown since they were resolved; the proof is made from what
// they are now, which only makes it stronger.
Proof MakeProof(const std::vector<Clause>& clauses,
                absl::FunctionRef<const CandidateSet&(PackageId)> everything);

}  // namespace deps

#endif  // DEPS_LIB_SOLVE_CLAUSE_H_
