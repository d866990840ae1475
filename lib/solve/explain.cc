#include "lib/solve/explain.h"

#include <algorithm>
#include <deque>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "lib/base/status_macros.h"
#include "lib/oci/reference.h"

namespace deps {
namespace {

constexpr size_t kMaxSteps = 12;
constexpr size_t kMaxListed = 8;

std::string Familiar(const std::string& repository) {
  const absl::StatusOr<Reference> reference = Reference::Parse(repository);
  return reference.ok() ? reference->FamiliarRepository() : repository;
}

// "1.0.0, 1.1.0, 2.0.0", with the middle left out where there are many.
std::string List(const std::vector<std::string>& texts) {
  if (texts.size() <= kMaxListed) return absl::StrJoin(texts, ", ");
  const auto begin = texts.begin();
  return absl::StrCat(absl::StrJoin(begin, begin + kMaxListed - 1, ", "), ", … ", texts.back(),
                      " (", texts.size(), " in all)");
}

class Explainer {
 public:
  explicit Explainer(PackageSpace& space) : space_(space) {}

  absl::StatusOr<std::vector<Explanation>> Run(const DeadEnd& proof) {
    queue_.push_back(&proof);
    while (!queue_.empty() && steps_.size() < kMaxSteps) {
      const DeadEnd* end = queue_.front();
      queue_.pop_front();
      if (!seen_.insert(end).second) continue;
      if (!end->verify.empty()) {
        AddCircle(*end);
      } else if (end->package == PackageSpace::kRoot) {
        DEPS_RETURN_IF_ERROR(AddRoot(*end));
      } else {
        DEPS_RETURN_IF_ERROR(AddPackage(end->package, *end));
      }
    }
    // What cannot be met comes first, what follows from it after that.
    std::reverse(steps_.begin(), steps_.end());
    return std::move(steps_);
  }

 private:
  std::string DemandText(const Asked& asked) const {
    const Dependency& dependency = asked.requirement.dependency;
    std::string text = absl::StrCat(asked.parent_text, " needs ");
    if (dependency.reference.empty()) {
      absl::StrAppend(&text, "any bundle with the interface of \"", dependency.alias, "\"");
    } else {
      absl::StrAppend(&text, dependency.reference);
      if (asked.range && !asked.only_reference) absl::StrAppend(&text, " in ", dependency.version);
    }
    const std::optional<Sharing>& sharing = dependency.sharing;
    if (sharing && sharing->mode == Sharing::Mode::kGroup && !sharing->group.empty()) {
      absl::StrAppend(&text, " in group \"", sharing->group, "\"");
    }
    return text;
  }

  void AddCircle(const DeadEnd& end) {
    Explanation step{.message = "these would need each other in a circle"};
    std::vector<std::string> paths;
    for (const PackageId id : end.verify) {
      step.nodes.push_back(space_.package(id).path);
      paths.push_back(space_.package(id).path);
    }
    paths.push_back(paths.front());
    step.because.push_back(absl::StrJoin(paths, " -> "));
    std::sort(step.nodes.begin(), step.nodes.end());
    steps_.push_back(std::move(step));
  }

  // The root has one candidate: its rejection tells which requirement fails.
  absl::Status AddRoot(const DeadEnd& end) {
    for (const Rejection& rejection : end.rejections) {
      if (rejection.because != nullptr) {
        queue_.push_back(rejection.because.get());
      } else {
        DEPS_RETURN_IF_ERROR(AddPackage(rejection.other, Unmet(rejection)));
      }
    }
    return absl::OkStatus();
  }

  // The package whose requirement is not met, with all that it would have to.
  static DeadEnd Unmet(const Rejection& rejection) {
    DeadEnd end{.package = rejection.other, .demands = rejection.demands};
    end.demands.push_back({.requirement = rejection.requirement});
    return end;
  }

  absl::Status AddPackage(PackageId id, const DeadEnd& end) {
    if (!explained_.insert(id).second) return absl::OkStatus();
    const Package& package = space_.package(id);
    Explanation step{.nodes = {package.path}};
    std::vector<int> demands;
    for (const Demand& demand : end.demands) demands.push_back(demand.requirement.id);
    for (const int demand : demands) step.because.push_back(DemandText(space_.asked(demand)));
    DEPS_RETURN_IF_ERROR(AddRefusals(id, demands, &step.because));
    DEPS_RETURN_IF_ERROR(AddLater(end, &step));
    step.message = Message(package, end);
    // Where the trouble lies below, the hint belongs there.
    if (step.nodes.size() == 1) step.because.push_back(Hint(package));
    steps_.push_back(std::move(step));
    return absl::OkStatus();
  }

  std::string Message(const Package& package, const DeadEnd& end) const {
    const Asked& first = package.asked.front();
    if (package.use != nullptr && package.candidates.empty()) {
      return absl::StrCat("--use ", package.use->node,
                          " names an installation that does not exist");
    }
    if (first.repository.empty()) {
      return absl::StrCat("nothing is known that has the interface of ", package.path);
    }
    const bool several = end.demands.size() > 1;
    return absl::StrCat("no ", Familiar(first.repository), " satisfies ",
                        several ? "all that need " : "", package.path);
  }

  static std::string Hint(const Package& package) {
    const std::string name = package.path.substr(package.path.find('/') + 1);
    return absl::StrCat("--use ", name, "=REFERENCE or --use ", name,
                        "=installation:NAME would settle it");
  }

  // Candidates by the reason why a demand refuses them, in their order.
  absl::Status AddRefusals(PackageId id, const std::vector<int>& demands,
                           std::vector<std::string>* because) {
    std::vector<std::pair<std::string, std::vector<std::string>>> reasons;
    const size_t count = space_.package(id).candidates.size();
    for (size_t candidate = 0; candidate < count; ++candidate) {
      for (const int demand : demands) {
        DEPS_ASSIGN_OR_RETURN(const std::string refusal, space_.Refusal(demand, candidate));
        if (refusal.empty()) continue;
        auto reason = std::find_if(reasons.begin(), reasons.end(),
                                   [&](const auto& known) { return known.first == refusal; });
        if (reason == reasons.end()) reason = reasons.insert(reason, {refusal, {}});
        reason->second.push_back(space_.Describe(id, candidate));
        break;
      }
    }
    for (const auto& [refusal, candidates] : reasons) {
      const bool one = candidates.size() == 1;
      const std::string verb = one ? " " : ": each ";
      because->push_back(absl::StrCat(List(candidates), verb, refusal));
    }
    const Package& package = space_.package(id);
    if (package.needs_tags && count == 0) {
      because->push_back(absl::StrCat(Familiar(package.asked.front().repository),
                                      " has no tag that is a version"));
    }
    return absl::OkStatus();
  }

  // Candidates that are allowed, and what they fail at.
  absl::Status AddLater(const DeadEnd& end, Explanation* step) {
    std::map<std::string, std::vector<std::string>> unmet;
    for (const Rejection& rejection : end.rejections) {
      const std::string candidate = space_.Describe(end.package, rejection.candidate);
      if (rejection.cause == Rejection::Cause::kUnmet) {
        unmet[space_.package(rejection.other).path].push_back(candidate);
        later_.push_back(Unmet(rejection));
        step->nodes.push_back(space_.package(rejection.other).path);
      } else if (rejection.because != nullptr) {
        const PackageId failed = rejection.because->package;
        unmet[space_.package(failed).path].push_back(candidate);
        step->nodes.push_back(space_.package(failed).path);
        queue_.push_back(rejection.because.get());
      }
    }
    for (auto& [path, candidates] : unmet) {
      candidates.erase(std::unique(candidates.begin(), candidates.end()), candidates.end());
      step->because.push_back(
          absl::StrCat("with ", List(candidates), " nothing is left for ", path));
    }
    std::sort(step->nodes.begin(), step->nodes.end());
    step->nodes.erase(std::unique(step->nodes.begin(), step->nodes.end()), step->nodes.end());
    for (; queued_ < later_.size(); ++queued_) queue_.push_back(&later_[queued_]);
    return absl::OkStatus();
  }

  PackageSpace& space_;
  std::deque<const DeadEnd*> queue_;
  std::deque<DeadEnd> later_;  // Steady addresses.
  size_t queued_ = 0;          // Of later_.
  std::set<const DeadEnd*> seen_;
  std::set<PackageId> explained_;
  std::vector<Explanation> steps_;
};

}  // namespace

absl::StatusOr<std::vector<Explanation>> Explain(const DeadEnd& proof, PackageSpace& space) {
  return Explainer(space).Run(proof);
}

}  // namespace deps
