// What is still possible for each package, since when, and because of what.
#ifndef DEPS_LIB_SOLVE_TRAIL_H_
#define DEPS_LIB_SOLVE_TRAIL_H_

#include <cstddef>
#include <vector>

#include "lib/solve/candidate_set.h"
#include "lib/solve/clause.h"
#include "lib/solve/solver.h"
#include "lib/solve/steady_vector.h"

namespace deps {

// Every removal is an entry, so that it can be taken back and traced. Entries
// are numbered from 0 on; level n is what came since the n-th decision, and what
// followed from no more than that (ExcludeBefore).
class Trail {
 public:
  static constexpr int kNone = -1;

  struct Entry {
    PackageId package = 0;
    ClauseId cause = kNone;  // kNone: a decision.
    int level = 0;
    int previous = kNone;  // Of the same package; of the same level, or a lower one.
    size_t parts = 0;      // Where its parts begin.
  };

  // `clauses` are those that causes name, and must outlive it.
  explicit Trail(const SteadyVector<Clause>& clauses) : clauses_(clauses) {}

  void AddPackage(PackageId package, size_t candidates);
  bool Knows(PackageId package) const;

  size_t candidates(PackageId package) const { return packages_[package].candidates; }
  const CandidateSet& everything(PackageId package) const { return packages_[package].everything; }
  const CandidateSet& possible(PackageId package) const { return packages_[package].possible; }
  // Whether a term is certain by now.
  bool Holds(const Term& term) const { return possible(term.package).IsIn(term.set); }

  // Removes a set from what is possible. There is no entry where that changes nothing.
  void Exclude(PackageId package, const CandidateSet& set, ClauseId cause);
  // How many entries have a cause that also speaks of this package.
  int uses(PackageId package) const { return packages_[package].uses; }
  // The decision on a package that is decided.
  const Entry& decision(PackageId package) const { return entries_[packages_[package].newest]; }
  // What was possible when that was made.
  CandidateSet PossibleBefore(PackageId decided) const;
  // Makes that decision leave `candidate` too, which was possible before.
  void Reopen(PackageId decided, size_t candidate);
  // As Exclude, at a level before that decision: of what it says, `cause` was
  // certain then.
  void ExcludeBefore(PackageId decided, const CandidateSet& set, ClauseId cause, int level);
  void OpenLevel() { levels_.push_back(static_cast<int>(entries_.size())); }
  int level() const { return static_cast<int>(levels_.size()); }
  // Takes back all entries of higher levels.
  void ReturnTo(int level);

  int size() const { return static_cast<int>(entries_.size()); }
  const Entry& entry(int number) const { return entries_[number]; }
  // The entry with which {package in set} began to hold, as it does now; kNone
  // where it always did.
  int Satisfier(PackageId package, const CandidateSet& set) const;

 private:
  struct Package {
    size_t candidates = 0;
    CandidateSet everything;
    CandidateSet possible;
    int newest = kNone;
    int uses = 0;
  };

  size_t PartsEnd(int number) const;
  // Takes a set out of what the decision on a package removed.
  void GiveBack(PackageId decided, const CandidateSet& set);
  void CountUses(const Entry& entry, int difference);

  const SteadyVector<Clause>& clauses_;
  SteadyVector<Package> packages_;
  SteadyVector<Entry> entries_;
  SteadyVector<CandidateSet::Part> parts_;
  std::vector<int> levels_;  // How many entries came before each.
};

}  // namespace deps

#endif  // DEPS_LIB_SOLVE_TRAIL_H_
