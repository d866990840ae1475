#include "lib/solve/solver.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "lib/base/status_macros.h"
#include "lib/diag/diagnostic.h"

namespace deps {
namespace {

// Larger ones hardly ever apply again.
constexpr size_t kMaxLiterals = 16;

// Choices that cannot be together, and why.
struct Nogood {
  std::map<PackageId, size_t> choices;
  std::shared_ptr<const DeadEnd> because;
};

// A package that has its candidate, or is looking for one.
struct Level {
  PackageId package = 0;
  size_t next = 0;               // The candidate to try next.
  std::set<PackageId> conflict;  // Packages that took part in refusing earlier ones.
  std::vector<Rejection> rejections;
  size_t queue_size = 0;            // Before its requirements were added.
  std::vector<PackageId> demanded;  // Packages that got a demand from it.
};

class Search {
 public:
  Search(Problem& problem, PackageId root, int64_t max_decisions)
      : problem_(problem), root_(root), max_decisions_(max_decisions) {}

  absl::StatusOr<SolverResult> Run() {
    while (true) {
      Reset();
      DEPS_ASSIGN_OR_RETURN(const bool done, RunGeneration());
      if (done) return std::move(result_);
    }
  }

 private:
  void Reset() {
    generation_ = problem_.Generation();
    levels_.clear();
    selected_.clear();
    depth_.clear();
    demands_.clear();
    nogoods_.clear();
    by_choice_.clear();
    queue_ = {root_};
  }

  bool Changed() const { return generation_ != problem_.Generation(); }

  // False where the problem changed and the search has to start again.
  absl::StatusOr<bool> RunGeneration() {
    while (true) {
      if (levels_.size() == selected_.size()) {
        const std::optional<PackageId> package = NextPackage();
        if (!package) {
          DEPS_ASSIGN_OR_RETURN(const std::vector<PackageId> wrong, problem_.Verify(selected_));
          if (wrong.empty()) {
            result_.selected = selected_;
            return true;
          }
          auto end = std::make_shared<DeadEnd>();
          end->package = wrong.front();
          end->verify = wrong;
          if (!JumpBack({wrong.begin(), wrong.end()}, std::move(end))) return true;
          continue;
        }
        levels_.push_back({.package = *package});
      }
      DEPS_ASSIGN_OR_RETURN(const bool decided, Decide());
      if (Changed()) return false;
      if (!decided && !GiveUpPackage()) return true;
    }
  }

  std::optional<PackageId> NextPackage() const {
    for (const PackageId package : queue_) {
      if (selected_.count(package) == 0) return package;
    }
    return std::nullopt;
  }

  // Gives the last level the next candidate that is possible.
  absl::StatusOr<bool> Decide() {
    Level& level = levels_.back();
    DEPS_ASSIGN_OR_RETURN(const size_t count, problem_.Candidates(level.package));
    while (level.next < count) {
      const size_t candidate = level.next++;
      if (++result_.decisions > max_decisions_) {
        return MakeError({.id = DiagnosticId::kSolveLimit,
                          .message = absl::StrCat("no solution after ", max_decisions_,
                                                  " candidates were tried")});
      }
      DEPS_ASSIGN_OR_RETURN(std::optional<Rejection> rejection, Try(level, candidate));
      if (Changed()) return false;
      if (!rejection) return true;
      rejection->candidate = candidate;
      level.rejections.push_back(*std::move(rejection));
    }
    return false;
  }

  // Selects the candidate, or tells why not and who takes part in that.
  absl::StatusOr<std::optional<Rejection>> Try(Level& level, size_t candidate) {
    const PackageId package = level.package;
    for (const Demand& demand : demands_[package]) {
      DEPS_ASSIGN_OR_RETURN(const bool allowed, problem_.Allows(demand.requirement.id, candidate));
      if (allowed) continue;
      level.conflict.insert(demand.by);
      return Rejection{.cause = Rejection::Cause::kNotAllowed,
                       .requirement = demand.requirement,
                       .other = demand.by};
    }
    if (const Nogood* nogood = FailedBefore(package, candidate)) {
      for (const auto& [other, choice] : nogood->choices) {
        if (other != package) level.conflict.insert(other);
      }
      return Rejection{.cause = Rejection::Cause::kLater, .because = nogood->because};
    }
    DEPS_ASSIGN_OR_RETURN(const std::vector<PackageRequirement> requirements,
                          problem_.Requirements(package, candidate));
    if (Changed()) return std::nullopt;
    for (size_t i = 0; i < requirements.size(); ++i) {
      DEPS_ASSIGN_OR_RETURN(const bool possible,
                            IsPossible(package, candidate, requirements, i, &level.conflict));
      if (possible) continue;
      return Rejection{.cause = Rejection::Cause::kUnmet,
                       .requirement = requirements[i],
                       .other = requirements[i].package,
                       .demands = demands_[requirements[i].package]};
    }
    Select(level, candidate, requirements);
    return std::nullopt;
  }

  const Nogood* FailedBefore(PackageId package, size_t candidate) const {
    const auto found = by_choice_.find({package, candidate});
    if (found == by_choice_.end()) return nullptr;
    for (const size_t index : found->second) {
      const Nogood& nogood = nogoods_[index];
      const bool applies =
          std::all_of(nogood.choices.begin(), nogood.choices.end(), [&](const auto& choice) {
            const auto now = selected_.find(choice.first);
            return choice.first == package ||
                   (now != selected_.end() && now->second == choice.second);
          });
      if (applies) return &nogood;
    }
    return nullptr;
  }

  // Whether requirement `index` can be met beside the selection and the
  // requirements of the same candidate before it.
  absl::StatusOr<bool> IsPossible(PackageId package, size_t candidate,
                                  const std::vector<PackageRequirement>& requirements, size_t index,
                                  std::set<PackageId>* conflict) {
    const PackageRequirement& requirement = requirements[index];
    if (requirement.package == package) return problem_.Allows(requirement.id, candidate);
    if (const auto now = selected_.find(requirement.package); now != selected_.end()) {
      DEPS_ASSIGN_OR_RETURN(const bool allowed, problem_.Allows(requirement.id, now->second));
      if (!allowed) conflict->insert(requirement.package);
      return allowed;
    }
    DEPS_ASSIGN_OR_RETURN(const size_t count, problem_.Candidates(requirement.package));
    std::set<PackageId> excluding;
    for (size_t other = 0; other < count; ++other) {
      bool possible = true;
      for (size_t i = 0; i <= index && possible; ++i) {
        if (requirements[i].package != requirement.package) continue;
        DEPS_ASSIGN_OR_RETURN(possible, problem_.Allows(requirements[i].id, other));
      }
      if (!possible) continue;
      DEPS_ASSIGN_OR_RETURN(const std::optional<PackageId> excluded,
                            ExcludedBy(requirement.package, other));
      if (!excluded) return true;
      excluding.insert(*excluded);
    }
    conflict->insert(excluding.begin(), excluding.end());
    return false;
  }

  // The first that demands another candidate than this one.
  absl::StatusOr<std::optional<PackageId>> ExcludedBy(PackageId package, size_t candidate) {
    for (const Demand& demand : demands_[package]) {
      DEPS_ASSIGN_OR_RETURN(const bool allowed, problem_.Allows(demand.requirement.id, candidate));
      if (!allowed) return std::optional<PackageId>(demand.by);
    }
    return std::optional<PackageId>();
  }

  void Select(Level& level, size_t candidate, const std::vector<PackageRequirement>& requirements) {
    selected_[level.package] = candidate;
    depth_[level.package] = levels_.size();
    level.queue_size = queue_.size();
    for (const PackageRequirement& requirement : requirements) {
      std::vector<Demand>& demands = demands_[requirement.package];
      if (demands.empty() && requirement.package != root_) queue_.push_back(requirement.package);
      demands.push_back({level.package, candidate, requirement});
      level.demanded.push_back(requirement.package);
    }
  }

  void Unselect(Level& level) {
    selected_.erase(level.package);
    depth_.erase(level.package);
    for (auto package = level.demanded.rbegin(); package != level.demanded.rend(); ++package) {
      demands_[*package].pop_back();
    }
    level.demanded.clear();
    queue_.resize(level.queue_size);
  }

  // The last level has no candidate left. False where that ends the search.
  bool GiveUpPackage() {
    Level level = std::move(levels_.back());
    levels_.pop_back();
    auto end = std::make_shared<DeadEnd>();
    end->package = level.package;
    end->demands = demands_[level.package];
    end->rejections = std::move(level.rejections);
    std::set<PackageId> conflict = std::move(level.conflict);
    // Without whoever demanded it first the package would not be needed.
    if (!end->demands.empty()) conflict.insert(end->demands.front().by);
    conflict.erase(level.package);
    return JumpBack(std::move(conflict), std::move(end));
  }

  // The choices of `conflict` fail together: changes the last one.
  bool JumpBack(const std::set<PackageId>& conflict, std::shared_ptr<const DeadEnd> because) {
    size_t target = 0;
    for (const PackageId package : conflict) target = std::max(target, depth_[package]);
    if (target == 0) {
      result_.proof = std::move(because);
      return false;
    }
    Learn(conflict, because);
    while (levels_.size() > target) {
      Unselect(levels_.back());
      levels_.pop_back();
    }
    Level& level = levels_.back();
    const size_t candidate = selected_.at(level.package);
    Unselect(level);
    level.conflict.insert(conflict.begin(), conflict.end());
    level.conflict.erase(level.package);
    level.rejections.push_back(
        {.candidate = candidate,
         .cause = because->verify.empty() ? Rejection::Cause::kLater : Rejection::Cause::kVerify,
         .because = std::move(because)});
    return true;
  }

  void Learn(const std::set<PackageId>& conflict, const std::shared_ptr<const DeadEnd>& because) {
    if (conflict.size() < 2 || conflict.size() > kMaxLiterals) return;
    Nogood nogood{.because = because};
    for (const PackageId package : conflict) {
      nogood.choices[package] = selected_.at(package);
      by_choice_[{package, selected_.at(package)}].push_back(nogoods_.size());
    }
    nogoods_.push_back(std::move(nogood));
  }

  Problem& problem_;
  const PackageId root_;
  const int64_t max_decisions_;
  int generation_ = 0;
  std::vector<Level> levels_;
  std::map<PackageId, size_t> selected_;
  std::map<PackageId, size_t> depth_;  // Number of levels when it was selected; from 1.
  std::map<PackageId, std::vector<Demand>> demands_;
  std::vector<PackageId> queue_;  // In order of discovery.
  std::vector<Nogood> nogoods_;
  std::map<std::pair<PackageId, size_t>, std::vector<size_t>> by_choice_;
  SolverResult result_;
};

}  // namespace

absl::StatusOr<SolverResult> Solve(Problem& problem, PackageId root, int64_t max_decisions) {
  return Search(problem, root, max_decisions).Run();
}

}  // namespace deps
