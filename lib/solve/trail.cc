#include "lib/solve/trail.h"

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
    package.newest = entry.previous;
    parts_.ShrinkTo(entry.parts);
    entries_.ShrinkTo(entries_.size() - 1);
  }
}

int Trail::Satisfier(PackageId package, const CandidateSet& set) const {
  // The newest entry that took away something else than the set has.
  for (int number = packages_[package].newest; number != kNone;) {
    const Entry& entry = entries_[number];
    const size_t end = number + 1 < size() ? entries_[number + 1].parts : parts_.size();
    for (size_t part = entry.parts; part < end; ++part) {
      if (!set.Contains(parts_[part])) return number;
    }
    number = entry.previous;
  }
  return kNone;
}

}  // namespace deps
