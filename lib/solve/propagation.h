// What follows from what is no longer possible.
#ifndef DEPS_LIB_SOLVE_PROPAGATION_H_
#define DEPS_LIB_SOLVE_PROPAGATION_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/inlined_vector.h"
#include "absl/types/span.h"
#include "lib/solve/candidate_set.h"
#include "lib/solve/clause.h"
#include "lib/solve/solver.h"
#include "lib/solve/steady_vector.h"
#include "lib/solve/trail.h"

namespace deps {

// A requirement of `by` that is met while `witness`, a member of its term
// (CandidateSet), is possible, and says nothing once `only` is not.
struct Requirer {
  ClauseId clause = 0;
  PackageId by = 0;
  uint32_t witness = 0;
  uint32_t only = 0;  // The member of `by` that requires; 0: there are several.
};

// Which clauses have to be looked at when, and the conclusions that they allow: a clause of which
// all terms but one hold excludes that one; where all hold, there is a conflict.
class Propagation {
 public:
  static constexpr ClauseId kNone = Trail::kNone;

  // Both must outlive it. It adds to the clauses.
  Propagation(SteadyVector<Clause>& clauses, Trail& trail) : clauses_(clauses), trail_(trail) {}

  // The trail must know it.
  void AddPackage(PackageId package) { packages_.GrowTo(package + 1); }
  // A clause that is no requirement.
  ClauseId Add(Clause clause);

  // What a candidate requires. Where other candidates of the package require the
  // same, it joins them.
  void AddRequirements(PackageId by, size_t candidate,
                       absl::Span<const PackageRequirement> requirements);
  bool HasRequirements(PackageId package, size_t candidate) const;
  // Empty where they are not known.
  absl::Span<const ClauseId> RequirementsOf(PackageId package, size_t candidate) const;
  absl::Span<const Requirer> RequiredBy(PackageId package) const {
    return packages_[package].required_by;
  }
  bool HasProvisional(PackageId package) const { return packages_[package].has_provisional; }
  // The candidate does not meet a requirement.
  void Disallow(ClauseId requirement, size_t candidate);

  // Draws the conclusion of one clause, where there is one.
  void Apply(ClauseId id);
  // Draws all conclusions of what is new on the trail, up to a conflict.
  void Run();
  // The trail has become shorter.
  void FollowTrail() { propagated_ = std::min(propagated_, trail_.size()); }
  bool HasConflict() const { return conflict_ != kNone; }
  // A clause all of whose terms hold.
  ClauseId TakeConflict() { return std::exchange(conflict_, kNone); }

 private:
  // A clause that need not be looked at while `witness` is possible: a member
  // that its term does not have.
  struct Watch {
    ClauseId clause = 0;
    uint32_t witness = 0;
  };
  // Requirements of one candidate: a part of required_.
  struct Expansion {
    int begin = kNone;  // Not known.
    int end = kNone;
  };
  struct Package {
    bool has_provisional = false;                  // In required_by.
    absl::InlinedVector<Expansion, 1> expansions;  // By candidate.
    absl::InlinedVector<Requirer, 1> required_by;
    std::vector<Watch> watches;  // Of learned clauses and exclusions.
  };

  ClauseId ClauseOf(PackageId by, const PackageRequirement& requirement);
  ClauseId AddRequirement(PackageId by, const PackageRequirement& requirement);
  void AddRequirer(ClauseId id, size_t candidate);
  void ApplyRequirements(PackageId id);
  void ApplyRequiredBy(PackageId id);
  void ApplyWatches(PackageId id);
  bool Rewatch(PackageId id, Watch& watch);
  uint32_t Witness(PackageId package, const CandidateSet& set) const;
  void StartToWatch(ClauseId id);

  SteadyVector<Clause>& clauses_;
  Trail& trail_;
  SteadyVector<Package> packages_;
  // By everything that makes two requirements the same.
  absl::flat_hash_map<std::tuple<PackageId, PackageId, int, bool, CandidateSet>, ClauseId>
      requirements_;
  std::vector<ClauseId> required_;  // By expansion.
  int propagated_ = 0;              // Entries whose consequences were drawn.
  ClauseId conflict_ = kNone;
};

}  // namespace deps

#endif  // DEPS_LIB_SOLVE_PROPAGATION_H_
