#include "lib/solve/solver.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "lib/base/status_macros.h"
#include "lib/diag/diagnostic.h"
#include "lib/solve/clause.h"
#include "lib/solve/conflict.h"
#include "lib/solve/propagation.h"
#include "lib/solve/steady_vector.h"
#include "lib/solve/trail.h"

namespace deps {
namespace {

constexpr int kNone = Trail::kNone;

// Terms and steps of all that is learned: less than a gigabyte.
constexpr size_t kMaxLearned = 20'000'000;

struct Package {
  int selected = kNotSelected;
  int place = kNone;  // In the queue.
};

// What there was before a decision.
struct Level {
  size_t queued = 0;
  int uses = 0;  // Of the package that was decided.
};

// An exclusion that follows from less than had been decided when it was made:
// it is made again where that is taken back.
struct LateExclusion {
  Term excluded;  // The clause may have grown since.
  ClauseId clause = 0;
  int level = 0;  // What it follows from.
  int made_at = 0;
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
      propagation_.Run();
      if (propagation_.HasConflict()) {
        if (problem_.Renew()) return std::nullopt;
        DEPS_ASSIGN_OR_RETURN(const bool learned, LearnFromConflict());
        if (!learned) return Unsolvable();
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
    propagation_.AddPackage(package);
    return absl::OkStatus();
  }

  void Enqueue(PackageId package) {
    if (at(package).place != kNone) return;
    at(package).place = static_cast<int>(queue_.size());
    queue_.push_back(package);
  }

  // --- Decisions ---

  // Selects the best candidate of the next package, or learns why it cannot be.
  absl::StatusOr<bool> Decide() {
    ExpectDiscovered();
    const PackageId id = queue_[trail_.level()];
    const size_t candidate = trail_.possible(id).First();
    DEPS_RETURN_IF_ERROR(CountDecision());
    DEPS_ASSIGN_OR_RETURN(const ClauseId unmet, UnmetBy(id, candidate));
    if (unmet != kNone) {
      propagation_.Apply(unmet);
      return false;
    }
    DEPS_RETURN_IF_ERROR(Expand(id, candidate));
    DEPS_ASSIGN_OR_RETURN(const bool met, MeetsRequirements(id, candidate));
    if (!met) return false;
    propagation_.Run();
    if (propagation_.HasConflict() || !trail_.possible(id).Has(candidate)) return false;
    Select(id, candidate);
    return true;
  }

  absl::Status CountDecision() {
    if (++decisions_ <= max_decisions_ && learned_ <= kMaxLearned) return absl::OkStatus();
    return MakeError(
        {.id = DiagnosticId::kSolveLimit,
         .message = absl::StrCat("no solution after ", decisions_ - 1, " candidates were tried")});
  }

  void ExpectDiscovered() {
    for (; expected_ < queue_.size(); ++expected_) {
      problem_.Expect(queue_[expected_], trail_.possible(queue_[expected_]).First());
    }
  }

  // A requirement of the selection that the candidate does not meet; kNone where
  // there is none.
  absl::StatusOr<ClauseId> UnmetBy(PackageId id, size_t candidate) {
    if (!propagation_.HasProvisional(id)) return kNone;
    for (const Requirer& requirer : propagation_.RequiredBy(id)) {
      const Clause& clause = clauses_[requirer.clause];
      const int selected = at(requirer.by).selected;
      if (!clause.provisional || selected == kNotSelected) continue;
      if (!clause.terms[0].set.Has(selected)) continue;
      DEPS_ASSIGN_OR_RETURN(const bool confirmed, Confirm(requirer.clause, candidate));
      if (!confirmed) return requirer.clause;
    }
    return kNone;
  }

  // A candidate that is not confirmed is no longer allowed by the requirement.
  absl::StatusOr<bool> Confirm(ClauseId id, size_t candidate) {
    const PackageId required = clauses_[id].required;
    CandidateSet& confirmed = confirmed_.try_emplace(id, trail_.candidates(required)).first->second;
    if (confirmed.Has(candidate)) return true;
    DEPS_ASSIGN_OR_RETURN(const bool meets, problem_.Confirms(clauses_[id].id, candidate));
    if (meets) {
      confirmed.Add(candidate);
      return true;
    }
    propagation_.Disallow(id, candidate);
    return false;
  }

  // Whether the requirements of the candidate can be met beside the selection.
  absl::StatusOr<bool> MeetsRequirements(PackageId id, size_t candidate) {
    for (const ClauseId clause : propagation_.RequirementsOf(id, candidate)) {
      propagation_.Apply(clause);
      if (propagation_.HasConflict() || !trail_.possible(id).Has(candidate)) return false;
      const PackageId required = clauses_[clause].required;
      if (!clauses_[clause].provisional || at(required).selected == kNotSelected) continue;
      DEPS_ASSIGN_OR_RETURN(const bool confirmed, Confirm(clause, at(required).selected));
      if (confirmed) continue;
      propagation_.Apply(clause);
      return false;
    }
    return true;
  }

  void Select(PackageId id, size_t candidate) {
    levels_.push_back({queue_.size(), trail_.uses(id)});
    trail_.OpenLevel();
    CandidateSet others = trail_.possible(id);
    others.Remove(candidate);
    trail_.Exclude(id, others, kNone);
    at(id).selected = static_cast<int>(candidate);
    for (const ClauseId clause : propagation_.RequirementsOf(id, candidate)) {
      Enqueue(clauses_[clause].required);
    }
  }

  void ReturnTo(int level) {
    if (level == trail_.level()) return;
    for (int i = level; i < trail_.level(); ++i) at(queue_[i]).selected = kNotSelected;
    while (queue_.size() > levels_[level].queued) {
      at(queue_.back()).place = kNone;
      queue_.pop_back();
    }
    levels_.resize(level);
    expected_ = std::min(expected_, queue_.size());
    trail_.ReturnTo(level);
    propagation_.FollowTrail();
  }

  // --- Incompatibilities from the problem ---

  // Asks once what a candidate requires. Where other candidates of the package
  // require the same, it joins them.
  absl::Status Expand(PackageId id, size_t candidate) {
    if (propagation_.HasRequirements(id, candidate)) return absl::OkStatus();
    DEPS_ASSIGN_OR_RETURN(std::vector<PackageRequirement> requirements,
                          problem_.Requirements(id, candidate));
    size_t kept = 0;
    for (size_t i = 0; i < requirements.size(); ++i) {
      DEPS_RETURN_IF_ERROR(Discover(requirements[i].package));
      if (requirements[i].package == id) {
        DEPS_ASSIGN_OR_RETURN(const bool met, IsMetByItself(requirements[i], candidate));
        if (met) continue;
      }
      if (kept != i) requirements[kept] = std::move(requirements[i]);
      ++kept;
    }
    requirements.resize(kept);
    propagation_.AddRequirements(id, candidate, requirements);
    return absl::OkStatus();
  }

  absl::StatusOr<bool> IsMetByItself(const PackageRequirement& requirement, size_t candidate) {
    if (!requirement.allowed.Has(candidate)) return false;
    if (!requirement.provisional) return true;
    return problem_.Confirms(requirement.id, candidate);
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
    propagation_.Apply(propagation_.Add({.terms = {exclusion.terms.begin(), exclusion.terms.end()},
                                         .cause = Incompatibility::Cause::kExcludes,
                                         .id = exclusion.id}));
    return false;
  }

  // --- Conflicts ---

  // Keeps what the conflict teaches, returns to where that already said
  // something, and applies it there. False where there is no solution.
  absl::StatusOr<bool> LearnFromConflict() {
    ClauseId id = propagation_.TakeConflict();
    Lesson lesson = resolver_.Resolve(id);
    if (lesson.terms.empty()) {
      propagation_.Add({.derivation = std::move(lesson.derivation)});
      return false;
    }
    Term blamed = lesson.terms[0];
    const int level = lesson.level;
    DEPS_ASSIGN_OR_RETURN(const size_t other, OtherDecision(lesson));
    if (!lesson.derivation->steps.empty()) {
      learned_ += lesson.terms.size() + lesson.derivation->steps.size();
      id = propagation_.Add(
          {.terms = std::move(lesson.terms), .derivation = std::move(lesson.derivation)});
    }
    if (other == CandidateSet::kNone) {
      ReturnTo(level);
      RenewExclusions();
      propagation_.Apply(id);
    } else {
      DEPS_RETURN_IF_ERROR(Redecide(std::move(blamed), other, id, level));
    }
    return true;
  }

  // Where a decision alone is to blame, nothing on the trail follows from it, and
  // neither it nor what would be decided instead adds to the queue, then the search
  // would come to all later decisions again. Gives the candidate that can take its
  // place among them; kNone where that is not so. Takes back the levels that do
  // follow from it, and the newest one, which led to the conflict and is not
  // complete.
  absl::StatusOr<size_t> OtherDecision(const Lesson& lesson) {
    const auto& [id, excluded] = lesson.terms[0];
    if (!lesson.is_decided || trail_.decision(id).level == trail_.level()) {
      return CandidateSet::kNone;
    }
    const int level = trail_.decision(id).level;
    if (levels_[level].queued != levels_[level - 1].queued) return CandidateSet::kNone;
    CandidateSet possible = trail_.PossibleBefore(id);
    possible -= excluded;
    const size_t other = possible.First();
    if (other == CandidateSet::kNone) return CandidateSet::kNone;
    DEPS_ASSIGN_OR_RETURN(const ClauseId unmet, UnmetBy(id, other));
    if (unmet != kNone) return CandidateSet::kNone;
    DEPS_RETURN_IF_ERROR(Expand(id, other));
    for (const ClauseId clause : propagation_.RequirementsOf(id, other)) {
      const int place = at(clauses_[clause].required).place;
      if (place == kNone || place >= static_cast<int>(levels_[level - 1].queued)) {
        return CandidateSet::kNone;
      }
    }
    do {
      ReturnTo(trail_.level() - 1);
    } while (trail_.level() > level && trail_.uses(id) != levels_[level - 1].uses);
    return trail_.level() > level && !IsUsedLate(id) ? other : CandidateSet::kNone;
  }

  // Whether an exclusion that is to be renewed may follow from the decision.
  bool IsUsedLate(PackageId id) const {
    return std::any_of(late_.begin(), late_.end(), [&](const LateExclusion& late) {
      return late.made_at > trail_.level() && late.excluded.package != id &&
             SpeaksOf(clauses_[late.clause], id);
    });
  }

  // Makes `candidate` what was decided on `instead.package`.
  absl::Status Redecide(Term instead, size_t candidate, ClauseId cause, int level) {
    const PackageId id = instead.package;
    DEPS_RETURN_IF_ERROR(CountDecision());
    RenewExclusions();
    trail_.Reopen(id, candidate);
    ExcludeLate({.excluded = std::move(instead), .clause = cause, .level = level});
    at(id).selected = static_cast<int>(candidate);
    // Propagation tells what is not met.
    for (const ClauseId clause : propagation_.RequirementsOf(id, candidate)) {
      const int selected = at(clauses_[clause].required).selected;
      if (!clauses_[clause].provisional || selected == kNotSelected) continue;
      DEPS_RETURN_IF_ERROR(Confirm(clause, selected).status());
    }
    return absl::OkStatus();
  }

  // Excludes what a clause of which all other terms hold speaks of.
  void ExcludeLate(LateExclusion late) {
    late.made_at = trail_.level();
    if (at(late.excluded.package).selected == kNotSelected) {
      propagation_.Apply(late.clause);
    } else {
      trail_.ExcludeBefore(late.excluded.package, late.excluded.set, late.clause, late.level);
    }
    late_.push_back(std::move(late));
  }

  // Those that were taken back with a level that they do not follow from.
  void RenewExclusions() {
    const auto taken = std::find_if(late_.begin(), late_.end(), [&](const LateExclusion& late) {
      return late.made_at > trail_.level();
    });
    const std::vector<LateExclusion> renewed(taken, late_.end());
    late_.erase(taken, late_.end());
    for (const LateExclusion& late : renewed) {
      if (late.level <= trail_.level()) ExcludeLate(late);
    }
  }

  static bool SpeaksOf(const Clause& clause, PackageId package) {
    return std::any_of(clause.terms.begin(), clause.terms.end(),
                       [&](const Term& term) { return term.package == package; });
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
  Trail trail_{clauses_};
  Propagation propagation_{clauses_, trail_};
  absl::flat_hash_map<ClauseId, CandidateSet> confirmed_;  // By provisional requirement.
  size_t learned_ = 0;                                     // Terms and steps.
  ConflictResolver resolver_{trail_, clauses_};

  // In order of discovery. Level n is the decision on element n - 1.
  std::vector<PackageId> queue_;
  std::vector<Level> levels_;
  std::vector<LateExclusion> late_;  // By made_at.
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
