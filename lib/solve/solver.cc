#include "lib/solve/solver.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <tuple>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/container/inlined_vector.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "lib/base/status_macros.h"
#include "lib/diag/diagnostic.h"
#include "lib/solve/clause.h"
#include "lib/solve/conflict.h"
#include "lib/solve/steady_vector.h"
#include "lib/solve/trail.h"

namespace deps {
namespace {

using Cause = Incompatibility::Cause;

constexpr int kNone = Trail::kNone;

// Terms and steps of all that is learned: less than a gigabyte.
constexpr size_t kMaxLearned = 20'000'000;

// A clause that need not be looked at while `witness` is possible: a member
// (CandidateSet) that its term does not have.
struct Watch {
  ClauseId clause = 0;
  uint32_t witness = 0;
};

// A requirement of `by` that is met while `witness` is possible, and says
// nothing once `only` is not.
struct Requirer {
  ClauseId clause = 0;
  PackageId by = 0;
  uint32_t witness = 0;
  uint32_t only = 0;  // The member of `by` that requires; 0: there are several.
};

// Requirements of one candidate: a part of Search::required_.
struct Expansion {
  int begin = kNone;  // Not asked yet.
  int end = kNone;
};

struct Package {
  int selected = kNotSelected;
  bool queued = false;
  bool has_provisional = false;                  // In required_by.
  absl::InlinedVector<Expansion, 1> expansions;  // By candidate.
  absl::InlinedVector<Requirer, 1> required_by;
  std::vector<Watch> watches;  // Of learned clauses and exclusions.
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
        if (!LearnFromConflict()) return Unsolvable();
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
    packages_.GrowTo(package + 1);
    return absl::OkStatus();
  }

  // Empty where they are not known.
  absl::Span<const ClauseId> RequirementsOf(PackageId package, size_t candidate) {
    const auto& expansions = at(package).expansions;
    if (expansions.empty() || expansions[candidate].begin == kNone) return {};
    const auto [begin, end] = expansions[candidate];
    return absl::MakeConstSpan(required_).subspan(begin, end - begin);
  }

  ClauseId AddClause(Clause clause) {
    clauses_.Append() = std::move(clause);
    return static_cast<ClauseId>(clauses_.size()) - 1;
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
  void ApplyRequiredBy(PackageId id) {
    const CandidateSet& possible = trail_.possible(id);
    for (Requirer& requirer : at(id).required_by) {
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
    Clause& clause = clauses_[id];
    if (clause.terms.size() < 2) return;
    clause.watched[1] = 1;
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
    if (++decisions_ > max_decisions_ || learned_ > kMaxLearned) {
      return MakeError({.id = DiagnosticId::kSolveLimit,
                        .message = absl::StrCat("no solution after ", decisions_ - 1,
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
    if (!at(id).has_provisional) return true;
    for (const Requirer& requirer : at(id).required_by) {
      const Clause& clause = clauses_[requirer.clause];
      const int selected = at(requirer.by).selected;
      if (!clause.provisional || selected == kNotSelected) continue;
      if (!clause.terms[0].set.Has(selected)) continue;
      DEPS_ASSIGN_OR_RETURN(const bool confirmed, Confirm(requirer.clause, candidate));
      if (!confirmed) return false;
    }
    return true;
  }

  // A candidate that is not confirmed is no longer allowed by the requirement.
  absl::StatusOr<bool> Confirm(ClauseId id, size_t candidate) {
    CandidateSet& confirmed = confirmed_[id];
    if (confirmed.Has(candidate)) return true;
    DEPS_ASSIGN_OR_RETURN(const bool meets, problem_.Confirms(clauses_[id].id, candidate));
    if (meets) {
      confirmed.Add(candidate);
      return true;
    }
    Term& term = clauses_[id].terms[1];
    term.set.Add(candidate);
    at(term.package).required_by[clauses_[id].place].witness = Witness(term.package, term.set);
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
    auto& expansions = at(id).expansions;
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
      AddRequirer(clause, candidate);
      required_.push_back(clause);
    }
    at(id).expansions[candidate] = {begin, static_cast<int>(required_.size())};
    return absl::OkStatus();
  }

  void AddRequirer(ClauseId id, size_t candidate) {
    Clause& clause = clauses_[id];
    const bool first = clause.terms[0].set.IsEmpty();
    clause.terms[0].set.Add(candidate);
    if (clause.terms.size() == 1) return;
    Requirer& requirer = at(clause.required).required_by[clause.place];
    requirer.only = first ? static_cast<uint32_t>(candidate) + 1 : 0;
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
    Clause& clause = clauses_.Append();
    clause.cause = Cause::kRequires;
    clause.id = requirement.id;
    clause.required = required;
    clause.terms.push_back({by, CandidateSet(trail_.candidates(by))});
    if (required != by) {
      CandidateSet barred = trail_.everything(required);
      barred -= requirement.allowed;
      clause.place = static_cast<int>(at(required).required_by.size());
      at(required).required_by.push_back({id, by, Witness(required, barred)});
      clause.terms.push_back({required, std::move(barred)});
    }
    if (requirement.provisional) {
      clause.provisional = true;
      confirmed_.emplace(id, trail_.candidates(required));
      at(required).has_provisional = true;
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
    conflict_ = AddClause({.terms = {exclusion.terms.begin(), exclusion.terms.end()},
                           .cause = Cause::kExcludes,
                           .id = exclusion.id});
    StartToWatch(conflict_);
    return false;
  }

  // --- Conflicts ---

  // Keeps what the conflict teaches, returns to where that already said
  // something, and applies it there. False where there is no solution.
  bool LearnFromConflict() {
    ClauseId id = std::exchange(conflict_, kNone);
    Lesson lesson = resolver_.Resolve(id);
    if (lesson.terms.empty()) {
      AddClause({.derivation = std::move(lesson.derivation)});
      return false;
    }
    ReturnTo(lesson.level);
    if (!lesson.derivation->steps.empty()) {
      learned_ += lesson.terms.size() + lesson.derivation->steps.size();
      id =
          AddClause({.terms = std::move(lesson.terms), .derivation = std::move(lesson.derivation)});
      StartToWatch(id);
    }
    Apply(id);
    return true;
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

  SteadyVector<Package> packages_;
  SteadyVector<Clause> clauses_;
  // By everything that makes two requirements the same.
  absl::flat_hash_map<std::tuple<PackageId, PackageId, int, bool, CandidateSet>, ClauseId>
      requirements_;
  absl::flat_hash_map<ClauseId, CandidateSet> confirmed_;  // By provisional requirement.
  std::vector<ClauseId> required_;                         // By expansion.
  Trail trail_;
  size_t learned_ = 0;  // Terms and steps.
  ConflictResolver resolver_{trail_, clauses_};
  int propagated_ = 0;         // Entries whose consequences were drawn.
  ClauseId conflict_ = kNone;  // A clause all of whose terms hold.

  // In order of discovery. Level n is the decision on element n - 1.
  std::vector<PackageId> queue_;
  std::vector<size_t> queue_sizes_;  // Before each decision.
  size_t expected_ = 0;              // Elements that Expect was told of.
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
