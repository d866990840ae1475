#include "lib/solve/propagation.h"

#include <utility>

namespace deps {

ClauseId Propagation::Add(Clause clause) {
  const ClauseId id = static_cast<ClauseId>(clauses_.size());
  clauses_.Append() = std::move(clause);
  StartToWatch(id);
  return id;
}

// --- Requirements ---

void Propagation::AddRequirements(PackageId by, size_t candidate,
                                  absl::Span<const PackageRequirement> requirements) {
  auto& expansions = packages_[by].expansions;
  if (expansions.empty()) expansions.resize(trail_.candidates(by));
  const int begin = static_cast<int>(required_.size());
  for (const PackageRequirement& requirement : requirements) {
    const ClauseId clause = ClauseOf(by, requirement);
    AddRequirer(clause, candidate);
    required_.push_back(clause);
  }
  expansions[candidate] = {begin, static_cast<int>(required_.size())};
}

bool Propagation::HasRequirements(PackageId package, size_t candidate) const {
  const auto& expansions = packages_[package].expansions;
  return !expansions.empty() && expansions[candidate].begin != kNone;
}

absl::Span<const ClauseId> Propagation::RequirementsOf(PackageId package, size_t candidate) const {
  if (!HasRequirements(package, candidate)) return {};
  const auto [begin, end] = packages_[package].expansions[candidate];
  return absl::MakeConstSpan(required_).subspan(begin, end - begin);
}

ClauseId Propagation::ClauseOf(PackageId by, const PackageRequirement& requirement) {
  // One candidate has nobody to share with.
  if (trail_.candidates(by) == 1) return AddRequirement(by, requirement);
  const auto [found, fresh] =
      requirements_.try_emplace(std::tuple(by, requirement.package, requirement.id,
                                           requirement.provisional, requirement.allowed),
                                static_cast<ClauseId>(clauses_.size()));
  return fresh ? AddRequirement(by, requirement) : found->second;
}

// Without any candidate so far.
ClauseId Propagation::AddRequirement(PackageId by, const PackageRequirement& requirement) {
  const ClauseId id = static_cast<ClauseId>(clauses_.size());
  const PackageId required = requirement.package;
  Clause& clause = clauses_.Append();
  clause.cause = Incompatibility::Cause::kRequires;
  clause.id = requirement.id;
  clause.provisional = requirement.provisional;
  clause.required = required;
  clause.terms.push_back({by, CandidateSet(trail_.candidates(by))});
  Package& package = packages_[required];
  package.has_provisional = package.has_provisional || requirement.provisional;
  if (required == by) return id;
  CandidateSet barred = trail_.everything(required);
  barred -= requirement.allowed;
  clause.place = static_cast<int>(package.required_by.size());
  package.required_by.push_back({id, by, Witness(required, barred)});
  clause.terms.push_back({required, std::move(barred)});
  return id;
}

void Propagation::AddRequirer(ClauseId id, size_t candidate) {
  Clause& clause = clauses_[id];
  const bool first = clause.terms[0].set.IsEmpty();
  clause.terms[0].set.Add(candidate);
  if (clause.terms.size() == 1) return;
  Requirer& requirer = packages_[clause.required].required_by[clause.place];
  requirer.only = first ? static_cast<uint32_t>(candidate) + 1 : 0;
}

void Propagation::Disallow(ClauseId requirement, size_t candidate) {
  Clause& clause = clauses_[requirement];
  Term& term = clause.terms[1];
  term.set.Add(candidate);
  packages_[term.package].required_by[clause.place].witness = Witness(term.package, term.set);
}

// --- Unit propagation ---

void Propagation::Apply(ClauseId id) {
  const Term* open = nullptr;
  for (const Term& term : clauses_[id].terms) {
    if (trail_.Holds(term)) continue;
    if (open != nullptr) return;
    open = &term;
  }
  if (open == nullptr) {
    conflict_ = id;
  } else {
    trail_.Exclude(open->package, open->set, id);
  }
}

void Propagation::Run() {
  while (conflict_ == kNone && propagated_ < trail_.size()) {
    const PackageId package = trail_.entry(propagated_++).package;
    ApplyRequirements(package);
    ApplyRequiredBy(package);
    ApplyWatches(package);
  }
}

// {package in S} can only have come to hold if S has the best candidate.
void Propagation::ApplyRequirements(PackageId id) {
  const CandidateSet& possible = trail_.possible(id);
  if (possible.HasAbsence()) return;
  for (const ClauseId clause : RequirementsOf(id, possible.First())) {
    Apply(clause);
    if (conflict_ != kNone) return;
  }
}

// {package not in Q} has come to hold where none of Q is possible any more.
void Propagation::ApplyRequiredBy(PackageId id) {
  const CandidateSet& possible = trail_.possible(id);
  for (Requirer& requirer : packages_[id].required_by) {
    if (possible.HasMember(requirer.witness)) continue;
    if (requirer.only != 0 && !trail_.possible(requirer.by).HasMember(requirer.only)) continue;
    const size_t other = possible.MemberOutside(clauses_[requirer.clause].terms[1].set);
    if (other != CandidateSet::kNone) {
      requirer.witness = static_cast<uint32_t>(other);
      continue;
    }
    Apply(requirer.clause);
    if (conflict_ != kNone) return;
  }
}

// Learned clauses are watched by two terms that do not hold; one is lost.
void Propagation::ApplyWatches(PackageId id) {
  std::vector<Watch>& watches = packages_[id].watches;
  size_t kept = 0;
  for (size_t i = 0; i < watches.size(); ++i) {
    const bool look = conflict_ == kNone && !trail_.possible(id).HasMember(watches[i].witness);
    if (look && !Rewatch(id, watches[i])) continue;
    watches[kept++] = watches[i];
  }
  watches.resize(kept);
}

// False where another package watches now.
bool Propagation::Rewatch(PackageId id, Watch& watch) {
  Clause& clause = clauses_[watch.clause];
  int& mine = clause.watched[clause.terms[clause.watched[0]].package == id ? 0 : 1];
  const size_t own = trail_.possible(id).MemberOutside(clause.terms[mine].set);
  if (own != CandidateSet::kNone) {
    watch.witness = static_cast<uint32_t>(own);
    return true;
  }
  for (int i = 0; i < static_cast<int>(clause.terms.size()); ++i) {
    if (i == clause.watched[0] || i == clause.watched[1]) continue;
    const Term& term = clause.terms[i];
    const size_t witness = trail_.possible(term.package).MemberOutside(term.set);
    if (witness == CandidateSet::kNone) continue;
    mine = i;
    packages_[term.package].watches.push_back({watch.clause, static_cast<uint32_t>(witness)});
    return false;
  }
  Apply(watch.clause);
  return true;
}

// Any member that the set does not have. Where it is not possible any more,
// the clause is looked at with each change: that is safe.
uint32_t Propagation::Witness(PackageId package, const CandidateSet& set) const {
  const size_t witness = trail_.everything(package).MemberOutside(set);
  return witness == CandidateSet::kNone ? 0 : static_cast<uint32_t>(witness);
}

void Propagation::StartToWatch(ClauseId id) {
  Clause& clause = clauses_[id];
  if (clause.terms.size() < 2) return;
  clause.watched[1] = 1;
  for (const int watched : clause.watched) {
    const auto& [package, set] = clause.terms[watched];
    packages_[package].watches.push_back({id, Witness(package, set)});
  }
}

}  // namespace deps
