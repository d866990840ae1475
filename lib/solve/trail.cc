#include "lib/solve/trail.h"

#include <utility>

namespace deps {

void Trail::AddPackage(PackageId package, size_t candidates) {
  packages_.GrowTo(package + 1);
  packages_[package].candidates = candidates;
  packages_[package].everything = CandidateSet::Everything(candidates);
  packages_[package].possible = packages_[package].everything;
}

bool Trail::Knows(PackageId package) const {
  // A known package can at least be absent.
  return static_cast<size_t>(package) < packages_.size() && !everything(package).IsEmpty();
}

void Trail::Exclude(PackageId id, const CandidateSet& set, ClauseId cause) {
  Package& package = packages_[id];
  const size_t parts = parts_.size();
  package.possible.Remove(set, &parts_);
  if (parts == parts_.size()) return;
  entries_.Append() = {id, cause, level(), package.newest, parts};
  package.newest = size() - 1;
  CountUses(entries_.back(), 1);
}

size_t Trail::PartsEnd(int number) const {
  return number + 1 < size() ? entries_[number + 1].parts : parts_.size();
}

void Trail::CountUses(const Entry& entry, int difference) {
  if (entry.cause == kNone) return;
  for (const Term& term : clauses_[entry.cause].terms) {
    if (term.package != entry.package) packages_[term.package].uses += difference;
  }
}

CandidateSet Trail::PossibleBefore(PackageId decided) const {
  const int number = packages_[decided].newest;
  CandidateSet before = packages_[decided].possible;
  for (size_t part = entries_[number].parts; part < PartsEnd(number); ++part) {
    before.Restore(parts_[part]);
  }
  return before;
}

void Trail::GiveBack(PackageId decided, const CandidateSet& set) {
  Package& package = packages_[decided];
  const int number = package.newest;
  for (size_t part = entries_[number].parts; part < PartsEnd(number); ++part) {
    package.possible.Restore(set.TakeFrom(&parts_[part]));
  }
}

void Trail::Reopen(PackageId decided, size_t candidate) {
  CandidateSet only(candidates(decided));
  only.Add(candidate);
  GiveBack(decided, only);
}

void Trail::ExcludeBefore(PackageId decided, const CandidateSet& set, ClauseId cause, int level) {
  Package& package = packages_[decided];
  GiveBack(decided, set);
  const size_t parts = parts_.size();
  package.possible.Remove(set, &parts_);
  int* place = &entries_[package.newest].previous;
  while (*place != kNone && entries_[*place].level > level) place = &entries_[*place].previous;
  const int previous = std::exchange(*place, size());
  entries_.Append() = {decided, cause, level, previous, parts};
  CountUses(entries_.back(), 1);
}

void Trail::ReturnTo(int level) {
  if (level >= this->level()) return;
  const int keep = levels_[level];
  levels_.resize(level);
  while (size() > keep) {
    const Entry& entry = entries_.back();
    Package& package = packages_[entry.package];
    for (size_t part = entry.parts; part < parts_.size(); ++part) {
      package.possible.Restore(parts_[part]);
    }
    int* place = &package.newest;
    while (*place != size() - 1) place = &entries_[*place].previous;
    *place = entry.previous;
    CountUses(entry, -1);
    parts_.ShrinkTo(entry.parts);
    entries_.ShrinkTo(entries_.size() - 1);
  }
}

int Trail::Satisfier(PackageId package, const CandidateSet& set) const {
  // The newest entry that took away something else than the set has.
  for (int number = packages_[package].newest; number != kNone;) {
    const Entry& entry = entries_[number];
    for (size_t part = entry.parts; part < PartsEnd(number); ++part) {
      if (!set.Contains(parts_[part])) return number;
    }
    number = entry.previous;
  }
  return kNone;
}

}  // namespace deps
