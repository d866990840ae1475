#include "lib/solve/solver.h"

#include <algorithm>
#include <optional>
#include <queue>
#include <tuple>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/container/inlined_vector.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "lib/base/status_macros.h"
#include "lib/diag/diagnostic.h"
#include "lib/solve/clause.h"
#include "lib/solve/trail.h"

namespace deps {
namespace {

using Cause = Incompatibility::Cause;

constexpr int kNone = Trail::kNone;

// A clause that need not be looked at while `witness` is possible: a member
// (CandidateSet) that its term does not have.
struct Watch {
  ClauseId clause = 0;
  uint32_t witness = 0;
};

// A requirement of `by` that is met while `witness` is possible.
struct Requirer {
  ClauseId clause = 0;
  uint32_t witness = 0;
  PackageId by = 0;
};

// Requirements of one candidate: a part of Search::required_.
struct Expansion {
  int begin = kNone;  // Not asked yet.
  int end = kNone;
};

struct Package {
  int selected = kNotSelected;
  bool queued = false;
  std::vector<Expansion> expansions;  // By candidate.
  absl::InlinedVector<Requirer, 1> required_by;
  std::vector<ClauseId> provisional;  // Those of required_by that are.
  std::vector<Watch> watches;         // Of learned clauses and exclusions.
  // While a conflict is resolved: the term, and since which entry it holds.
  CandidateSet term;
  int satisfier = kNone;
};

class Search {
 public:
  Search(Problem& problem, PackageId root, int64_t max_decisions, int64_t* decisions)
      : problem_(problem), root_(root), max_decisions_(max_decisions), decisions_(*decisions) {}

  // Nothing where the problem changed, and the search has to start again.
  absl::StatusOr<std::optional<SolverResult>> Run() {
    DEPS_RETURN_IF_ERROR(Discover(root_));
    CandidateSet absence(trail_.candidates(root_));
    absence.AddAbsence();
    trail_.Exclude(root_, absence, kNone);
    Enqueue(root_);
    while (true) {
      Propagate();
      if (conflict_ != kNone) {
        if (problem_.Renew()) return std::nullopt;
        if (!ResolveConflict()) return Unsolvable();
      } else if (static_cast<size_t>(trail_.level()) < queue_.size()) {
        DEPS_ASSIGN_OR_RETURN(const bool selected, Decide());
        if (!selected && problem_.Renew()) return std::nullopt;
      } else {
        if (problem_.Renew()) return std::nullopt;
        DEPS_ASSIGN_OR_RETURN(const bool good, Verify());
        if (good) return Solved();
      }
    }
  }

 private:
  // --- Packages ---

  Package& at(PackageId package) { return packages_[package]; }

  absl::Status Discover(PackageId package) {
    if (trail_.Knows(package)) return absl::OkStatus();
    DEPS_ASSIGN_OR_RETURN(const size_t candidates, problem_.Candidates(package));
    trail_.AddPackage(package, candidates);
    if (packages_.size() <= static_cast<size_t>(package)) packages_.resize(package + 1);
    return absl::OkStatus();
  }

  // Empty where they are not known.
  absl::Span<const ClauseId> RequirementsOf(PackageId package, size_t candidate) {
    const std::vector<Expansion>& expansions = at(package).expansions;
    if (expansions.empty() || expansions[candidate].begin == kNone) return {};
    const auto [begin, end] = expansions[candidate];
    return absl::MakeConstSpan(required_).subspan(begin, end - begin);
  }

  void Enqueue(PackageId package) {
    if (std::exchange(at(package).queued, true)) return;
    queue_.push_back(package);
  }

  // --- Unit propagation ---

  // Draws the conclusion of a clause of which all terms but one hold.
  void Apply(ClauseId id) {
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

  void Propagate() {
    while (conflict_ == kNone && propagated_ < trail_.size()) {
      const PackageId package = trail_.entry(propagated_++).package;
      ApplyRequirements(package);
      ApplyRequiredBy(package);
      ApplyWatches(package);
    }
  }

  // {package in S} can only have come to hold if S has the best candidate.
  void ApplyRequirements(PackageId id) {
    const CandidateSet& possible = trail_.possible(id);
    if (possible.HasAbsence()) return;
    for (const ClauseId clause : RequirementsOf(id, possible.First())) {
      Apply(clause);
      if (conflict_ != kNone) return;
    }
  }

  // {package not in Q} has come to hold where none of Q is possible any more.
  // What a selected candidate requires was applied then.
  void ApplyRequiredBy(PackageId id) {
    const CandidateSet& possible = trail_.possible(id);
    for (Requirer& requirer : at(id).required_by) {
      if (possible.HasMember(requirer.witness)) continue;
      if (at(requirer.by).selected != kNotSelected) continue;
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
  void ApplyWatches(PackageId id) {
    std::vector<Watch>& watches = at(id).watches;
    size_t kept = 0;
    for (size_t i = 0; i < watches.size(); ++i) {
      const bool look = conflict_ == kNone && !trail_.possible(id).HasMember(watches[i].witness);
      if (look && !Rewatch(id, watches[i])) continue;
      watches[kept++] = watches[i];
    }
    watches.resize(kept);
  }

  // False where another package watches now.
  bool Rewatch(PackageId id, Watch& watch) {
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
      at(term.package).watches.push_back({watch.clause, static_cast<uint32_t>(witness)});
      return false;
    }
    Apply(watch.clause);
    return true;
  }

  // Any member that the set does not have. Where it is not possible any more,
  // the clause is looked at with each change: that is safe.
  uint32_t Witness(PackageId package, const CandidateSet& set) const {
    const size_t witness = trail_.everything(package).MemberOutside(set);
    return witness == CandidateSet::kNone ? 0 : static_cast<uint32_t>(witness);
  }

  void StartToWatch(ClauseId id) {
    const Clause& clause = clauses_[id];
    if (clause.terms.size() < 2) return;
    for (const int watched : clause.watched) {
      const auto& [package, set] = clause.terms[watched];
      at(package).watches.push_back({id, Witness(package, set)});
    }
  }

  // --- Decisions ---

  // Selects the best candidate of the next package, or learns why it cannot be.
  absl::StatusOr<bool> Decide() {
    ExpectDiscovered();
    const PackageId id = queue_[trail_.level()];
    const size_t candidate = trail_.possible(id).First();
    if (++decisions_ > max_decisions_) {
      return MakeError({.id = DiagnosticId::kSolveLimit,
                        .message = absl::StrCat("no solution after ", max_decisions_,
                                                " candidates were tried")});
    }
    DEPS_ASSIGN_OR_RETURN(const bool confirmed, ConfirmFor(id, candidate));
    if (!confirmed) return false;
    DEPS_RETURN_IF_ERROR(Expand(id, candidate));
    DEPS_ASSIGN_OR_RETURN(const bool met, MeetsRequirements(id, candidate));
    if (!met) return false;
    Propagate();
    if (conflict_ != kNone || !trail_.possible(id).Has(candidate)) return false;
    Select(id, candidate);
    return true;
  }

  void ExpectDiscovered() {
    for (; expected_ < queue_.size(); ++expected_) {
      problem_.Expect(queue_[expected_], trail_.possible(queue_[expected_]).First());
    }
  }

  // Whether the candidate meets what the selection requires of its package.
  absl::StatusOr<bool> ConfirmFor(PackageId id, size_t candidate) {
    for (const ClauseId clause : at(id).provisional) {
      const Term& by = clauses_[clause].terms[0];
      const int selected = at(by.package).selected;
      if (selected == kNotSelected || !by.set.Has(selected)) continue;
      DEPS_ASSIGN_OR_RETURN(const bool confirmed, Confirm(clause, candidate));
      if (!confirmed) return false;
    }
    return true;
  }

  // A candidate that is not confirmed is no longer allowed by the requirement.
  absl::StatusOr<bool> Confirm(ClauseId id, size_t candidate) {
    if (clauses_[id].confirmed.Has(candidate)) return true;
    DEPS_ASSIGN_OR_RETURN(const bool confirmed, problem_.Confirms(clauses_[id].id, candidate));
    if (confirmed) {
      clauses_[id].confirmed.Add(candidate);
      return true;
    }
    Term& term = clauses_[id].terms[1];
    term.set.Add(candidate);
    for (Requirer& requirer : at(term.package).required_by) {
      if (requirer.clause == id) requirer.witness = Witness(term.package, term.set);
    }
    Apply(id);
    return false;
  }

  // Whether the requirements of the candidate can be met beside the selection.
  absl::StatusOr<bool> MeetsRequirements(PackageId id, size_t candidate) {
    for (const ClauseId clause : RequirementsOf(id, candidate)) {
      Apply(clause);
      if (conflict_ != kNone || !trail_.possible(id).Has(candidate)) return false;
      const PackageId required = clauses_[clause].required;
      if (!clauses_[clause].provisional || at(required).selected == kNotSelected) continue;
      DEPS_ASSIGN_OR_RETURN(const bool confirmed, Confirm(clause, at(required).selected));
      if (!confirmed) return false;
    }
    return true;
  }

  void Select(PackageId id, size_t candidate) {
    queue_sizes_.push_back(queue_.size());
    trail_.OpenLevel();
    CandidateSet others = trail_.possible(id);
    others.Remove(candidate);
    trail_.Exclude(id, others, kNone);
    at(id).selected = static_cast<int>(candidate);
    for (const ClauseId clause : RequirementsOf(id, candidate)) {
      Enqueue(clauses_[clause].required);
    }
  }

  void ReturnTo(int level) {
    if (level == trail_.level()) return;
    for (int i = level; i < trail_.level(); ++i) at(queue_[i]).selected = kNotSelected;
    while (queue_.size() > queue_sizes_[level]) {
      at(queue_.back()).queued = false;
      queue_.pop_back();
    }
    queue_sizes_.resize(level);
    expected_ = std::min(expected_, queue_.size());
    trail_.ReturnTo(level);
    propagated_ = std::min(propagated_, trail_.size());
  }

  // --- Incompatibilities from the problem ---

  // Asks once what a candidate requires. Where other candidates of the package
  // require the same, it joins them.
  absl::Status Expand(PackageId id, size_t candidate) {
    std::vector<Expansion>& expansions = at(id).expansions;
    if (expansions.empty()) expansions.resize(trail_.candidates(id));
    if (expansions[candidate].begin != kNone) return absl::OkStatus();
    DEPS_ASSIGN_OR_RETURN(const std::vector<PackageRequirement> requirements,
                          problem_.Requirements(id, candidate));
    const int begin = static_cast<int>(required_.size());
    for (const PackageRequirement& requirement : requirements) {
      DEPS_RETURN_IF_ERROR(Discover(requirement.package));
      if (requirement.package == id) {
        DEPS_ASSIGN_OR_RETURN(const bool met, IsMetByItself(requirement, candidate));
        if (met) continue;
      }
      const ClauseId clause = ClauseOf(id, requirement);
      clauses_[clause].terms[0].set.Add(candidate);
      required_.push_back(clause);
    }
    at(id).expansions[candidate] = {begin, static_cast<int>(required_.size())};
    return absl::OkStatus();
  }

  absl::StatusOr<bool> IsMetByItself(const PackageRequirement& requirement, size_t candidate) {
    if (!requirement.allowed.Has(candidate)) return false;
    if (!requirement.provisional) return true;
    return problem_.Confirms(requirement.id, candidate);
  }

  ClauseId ClauseOf(PackageId by, const PackageRequirement& requirement) {
    // One candidate has nobody to share with.
    if (trail_.candidates(by) == 1) return AddRequirement(by, requirement);
    const auto [found, fresh] =
        requirements_.try_emplace(std::tuple(by, requirement.package, requirement.id,
                                             requirement.provisional, requirement.allowed),
                                  static_cast<ClauseId>(clauses_.size()));
    return fresh ? AddRequirement(by, requirement) : found->second;
  }

  // Without any candidate so far.
  ClauseId AddRequirement(PackageId by, const PackageRequirement& requirement) {
    const ClauseId id = static_cast<ClauseId>(clauses_.size());
    const PackageId required = requirement.package;
    Clause& clause = clauses_.emplace_back();
    clause.cause = Cause::kRequires;
    clause.id = requirement.id;
    clause.required = required;
    clause.terms.push_back({by, CandidateSet(trail_.candidates(by))});
    if (required != by) {
      CandidateSet barred = trail_.everything(required);
      barred -= requirement.allowed;
      at(required).required_by.push_back({id, Witness(required, barred), by});
      clause.terms.push_back({required, std::move(barred)});
    }
    if (requirement.provisional) {
      clause.provisional = true;
      clause.confirmed = CandidateSet(trail_.candidates(required));
      at(required).provisional.push_back(id);
    }
    return id;
  }

  absl::StatusOr<bool> Verify() {
    Selection selection;
    for (const PackageId package : queue_) {
      if (selection.size() <= static_cast<size_t>(package)) selection.resize(package + 1, kNone);
      selection[package] = at(package).selected;
    }
    DEPS_ASSIGN_OR_RETURN(const Exclusion exclusion, problem_.Verify(selection));
    selection_ = std::move(selection);
    if (exclusion.terms.empty()) return true;
    conflict_ = static_cast<ClauseId>(clauses_.size());
    Clause clause{.cause = Cause::kExcludes, .id = exclusion.id, .watched = {0, 1}};
    clause.terms.assign(exclusion.terms.begin(), exclusion.terms.end());
    clauses_.push_back(std::move(clause));
    StartToWatch(conflict_);
    return false;
  }

  // --- Conflicts ---

  // Goes back in time from the conflict, replacing what holds by what it
  // follows from, until one decision alone can be blamed: its level has one
  // term. False where nothing is left to blame.
  bool ResolveConflict() {
    Clause learned{.start = conflict_};
    for (const Term& term : clauses_[conflict_].terms) Blame(term.package, term.set);
    while (true) {
      const std::optional<Blamed> newest = TakeNewest();
      if (!newest) break;
      const Trail::Entry& entry = trail_.entry(newest->satisfier);
      const std::optional<Blamed> next = PeekNewest();
      const int level = next ? trail_.entry(next->satisfier).level : 0;
      if (entry.cause == kNone && entry.level == 0) break;
      if (entry.level > level) {
        LearnAndReturn(std::move(learned), *newest, next, level);
        return true;
      }
      learned.steps.push_back({entry.package, entry.cause});
      for (const Term& term : clauses_[entry.cause].terms) {
        Blame(term.package, Combined(term, entry.package));
      }
    }
    clauses_.push_back(std::move(learned));
    return false;
  }

  struct Blamed {
    int satisfier = kNone;
    PackageId package = 0;
    bool operator<(const Blamed& other) const { return satisfier < other.satisfier; }
  };

  // The set that resolution on `pivot` gives to the term's package.
  CandidateSet Combined(const Term& term, PackageId pivot) {
    const Package& package = at(term.package);
    CandidateSet set = term.set;
    if (term.package == pivot) {
      set |= package.term;
    } else if (package.satisfier != kNone) {
      set &= package.term;
    }
    return set;
  }

  // A set with everything is never to blame.
  void Blame(PackageId id, CandidateSet set) {
    Package& package = at(id);
    package.satisfier = trail_.Satisfier(id, set);
    package.term = std::move(set);
    if (package.satisfier != kNone) blamed_.push({package.satisfier, id});
  }

  // Those that have changed since are not there any more.
  std::optional<Blamed> PeekNewest() {
    while (!blamed_.empty()) {
      const Blamed top = blamed_.top();
      if (at(top.package).satisfier == top.satisfier) return top;
      blamed_.pop();
    }
    return std::nullopt;
  }

  std::optional<Blamed> TakeNewest() {
    const std::optional<Blamed> newest = PeekNewest();
    // The same may be there twice.
    while (!blamed_.empty() && newest && blamed_.top().satisfier == newest->satisfier) {
      blamed_.pop();
    }
    return newest;
  }

  void LearnAndReturn(Clause learned, const Blamed& newest, const std::optional<Blamed>& next,
                      int level) {
    ClauseId id = conflict_;
    if (!learned.steps.empty()) {
      id = static_cast<ClauseId>(clauses_.size());
      learned.terms.push_back({newest.package, std::move(at(newest.package).term)});
      if (next) learned.watched[1] = 1;
    }
    at(newest.package).satisfier = kNone;
    for (std::optional<Blamed> other = TakeNewest(); other; other = TakeNewest()) {
      Package& package = at(other->package);
      if (!learned.steps.empty()) {
        learned.terms.push_back({other->package, std::move(package.term)});
      }
      package.satisfier = kNone;
    }
    conflict_ = kNone;
    ReturnTo(level);
    if (!learned.steps.empty()) {
      clauses_.push_back(std::move(learned));
      StartToWatch(id);
    }
    Apply(id);
  }

  // --- Results ---

  std::optional<SolverResult> Solved() {
    return SolverResult{.found = true, .selection = std::move(selection_)};
  }

  std::optional<SolverResult> Unsolvable() {
    return SolverResult{.proof = MakeProof(clauses_, [&](PackageId package) -> const CandidateSet& {
                          return trail_.everything(package);
                        })};
  }

  Problem& problem_;
  const PackageId root_;
  const int64_t max_decisions_;
  int64_t& decisions_;

  std::vector<Package> packages_;
  std::vector<Clause> clauses_;
  // By everything that makes two requirements the same.
  absl::flat_hash_map<std::tuple<PackageId, PackageId, int, bool, CandidateSet>, ClauseId>
      requirements_;
  std::vector<ClauseId> required_;  // By expansion.
  Trail trail_;
  int propagated_ = 0;         // Entries whose consequences were drawn.
  ClauseId conflict_ = kNone;  // A clause all of whose terms hold.

  // In order of discovery. Level n is the decision on element n - 1.
  std::vector<PackageId> queue_;
  std::vector<size_t> queue_sizes_;  // Before each decision.
  size_t expected_ = 0;              // Elements that Expect was told of.
  std::priority_queue<Blamed> blamed_;
  Selection selection_;
};

}  // namespace

absl::StatusOr<bool> Problem::Confirms(int, size_t) { return true; }

absl::StatusOr<Exclusion> Problem::Verify(const Selection&) { return Exclusion(); }

absl::StatusOr<SolverResult> Solve(Problem& problem, PackageId root, int64_t max_decisions) {
  int64_t decisions = 0;
  while (true) {
    DEPS_ASSIGN_OR_RETURN(std::optional<SolverResult> result,
                          Search(problem, root, max_decisions, &decisions).Run());
    if (!result) continue;
    result->decisions = decisions;
    return *std::move(result);
  }
}

}  // namespace deps
