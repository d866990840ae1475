#include "lib/solve/conflict.h"

#include <utility>

namespace deps {

Lesson ConflictResolver::Resolve(ClauseId conflict) {
  Lesson lesson{.derivation = std::make_unique<Derivation>()};
  lesson.derivation->start = conflict;
  for (const Term& term : clauses_[conflict].terms) Set(term.package, term.set);
  while (const std::optional<Blamed> newest = TakeNewest()) {
    const Trail::Entry& entry = trail_.entry(newest->satisfier);
    const std::optional<Blamed> next = Newest();
    lesson.level = next ? next->level : 0;
    if (entry.level > lesson.level) {
      lesson.is_decided = entry.cause == Trail::kNone;
      for (std::optional<Blamed> blamed = newest; blamed; blamed = TakeNewest()) {
        Blame& blame = blames_[blamed->package];
        lesson.terms.push_back({blamed->package, std::move(blame.term)});
        blame.satisfier = Trail::kNone;
      }
      return lesson;
    }
    if (entry.cause == Trail::kNone) break;  // The root.
    lesson.derivation->steps.push_back({entry.package, entry.cause});
    for (const Term& term : clauses_[entry.cause].terms) {
      Set(term.package, Resolvent(term, entry.package));
    }
  }
  return lesson;
}

// The set that resolution on `pivot` gives to the package of a term.
CandidateSet ConflictResolver::Resolvent(const Term& term, PackageId pivot) const {
  CandidateSet set = term.set;
  if (static_cast<size_t>(term.package) >= blames_.size()) return set;
  const Blame& blame = blames_[term.package];
  if (term.package == pivot) {
    set |= blame.term;
  } else if (blame.satisfier != Trail::kNone) {
    set &= blame.term;
  }
  return set;
}

// A set that has everything always held, and is not to blame.
void ConflictResolver::Set(PackageId package, CandidateSet set) {
  blames_.GrowTo(package + 1);
  Blame& blame = blames_[package];
  blame.satisfier = trail_.Satisfier(package, set);
  blame.term = std::move(set);
  if (blame.satisfier != Trail::kNone) {
    blamed_.push({trail_.entry(blame.satisfier).level, blame.satisfier, package});
  }
}

// Those that have changed since are not there any more.
std::optional<ConflictResolver::Blamed> ConflictResolver::Newest() {
  while (!blamed_.empty()) {
    const Blamed top = blamed_.top();
    if (blames_[top.package].satisfier == top.satisfier) return top;
    blamed_.pop();
  }
  return std::nullopt;
}

std::optional<ConflictResolver::Blamed> ConflictResolver::TakeNewest() {
  const std::optional<Blamed> newest = Newest();
  // The same may be there twice.
  while (newest && !blamed_.empty() && blamed_.top().satisfier == newest->satisfier) {
    blamed_.pop();
  }
  return newest;
}

}  // namespace deps
