#include "lib/solve/way_out.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "lib/oci/reference.h"
#include "lib/solve/explain.h"
#include "lib/solve/wording.h"

namespace deps {
namespace {

constexpr int kMaxSearches = 24;
constexpr size_t kMaxOfPackage = 3;
constexpr size_t kMaxTold = 2;

std::string BelowRoot(const std::string& path) { return path.substr(path.find('/') + 1); }

class Finder {
 public:
  Finder(const Attempt& failed, const Attempts& attempts)
      : failed_(failed),
        space_(*failed.space),
        attempts_(attempts),
        packages_(PackagesOf(failed.result.proof)),
        wording_(space_, packages_) {
    packages_.erase(PackageSpace::kRoot);
  }

  std::string Run() {
    LeaveOut();
    OtherStrategy();
    // What the root alone asks for is the user's own to change; what others ask
    // for is overruled only then.
    for (const PackageId package : packages_) {
      if (IsOfRoot(package)) TryOthers(package);
    }
    for (const PackageId package : packages_) {
      if (space_.package(package).asked.size() > 1) TryAllowed(package);
    }
    for (const PackageId package : packages_) TryInstallations(package);
    for (const PackageId package : packages_) {
      if (!IsOfRoot(package)) TryOthers(package);
    }
    if (found_.size() == 1) return absl::StrCat(found_.front(), " gives a solution");
    if (found_.size() > 1) {
      return absl::StrCat("each of these gives a solution: ", absl::StrJoin(found_, "; "));
    }
    return HowToName();
  }

 private:
  bool IsDone() const { return found_.size() >= kMaxTold || searches_ >= kMaxSearches; }

  bool Works(std::vector<Use> uses, const Attempts& attempts) {
    if (IsDone()) return false;
    ++searches_;
    const auto attempt = attempts.Try(std::move(uses), /*locked_only=*/false);
    return attempt.ok() && (*attempt)->result.found;
  }

  void LeaveOut() {
    for (size_t i = 0; i < failed_.uses.size(); ++i) {
      std::vector<Use> uses = failed_.uses;
      const std::string node = uses[i].node;
      uses.erase(uses.begin() + i);
      if (Works(std::move(uses), attempts_)) {
        found_.push_back(absl::StrCat("leaving out --use ", node, "=…"));
      }
    }
  }

  void OtherStrategy() {
    const Strategy strategy = attempts_.options().strategy;
    if (strategy != Strategy::kExact && strategy != Strategy::kMaxPatch &&
        strategy != Strategy::kMaxMinor) {
      return;
    }
    ResolveOptions options = attempts_.options();
    options.strategy = Strategy::kHighest;
    Shelf shelf = attempts_.shelf().WithStrategy(options.strategy);
    if (Works(failed_.uses, attempts_.With(options, shelf))) {
      found_.push_back("--strategy highest");
    }
  }

  bool IsOfRoot(PackageId package) const {
    const std::vector<int>& asked = space_.package(package).asked;
    return std::all_of(asked.begin(), asked.end(), [&](int requirement) {
      return space_.asked(requirement).parent == PackageSpace::kRoot;
    });
  }

  // Candidates that one of those who ask would take.
  void TryAllowed(PackageId package) {
    const Package& known = space_.package(package);
    size_t tried = 0;
    for (size_t at = 0; at < known.candidates.size() && tried < kMaxOfPackage; ++at) {
      const Contender candidate = known.candidates.At(at);
      const bool wanted = std::any_of(known.asked.begin(), known.asked.end(), [&](int requirement) {
        return space_.KnownRefusal(requirement, at).empty();
      });
      if (candidate.installation != nullptr || !wanted) continue;
      ++tried;
      if (Try(package, candidate)) return;
    }
  }

  // What there is besides that which is asked for.
  void TryOthers(PackageId package) {
    if (IsDone()) return;
    const Package& known = space_.package(package);
    const Asked& first = space_.asked(known.asked.front());
    if (first.repository.empty() || known.use != nullptr) return;
    const auto tags = attempts_.shelf().Tags(first.repository);
    if (!tags.ok()) return;
    CandidateList list;
    list.AddTags(first.repository, *tags, "range");
    size_t tried = 0;
    for (size_t at = 0; at < list.size() && tried < kMaxOfPackage; ++at) {
      const Contender candidate = list.At(at);
      const bool asked_for =
          std::all_of(known.asked.begin(), known.asked.end(), [&](int requirement) {
            return QuickRefusal(space_.asked(requirement), candidate, attempts_.options().strategy)
                .empty();
          });
      if (asked_for) continue;
      ++tried;
      if (Try(package, candidate)) return;
    }
  }

  // Those of other groups, which somebody has to name.
  void TryInstallations(PackageId package) {
    const Package& known = space_.package(package);
    const Asked& first = space_.asked(known.asked.front());
    if (!first.IsShared() || IsDone()) return;
    size_t tried = 0;
    for (const Installation& installation : attempts_.options().installations) {
      const std::string& where = installation.name.name_space;
      const bool near = where.empty() || where == attempts_.options().name_space;
      const bool same = first.repository.empty() || RepositoryOf(installation) == first.repository;
      if (!near || !same || !installation.IsInstalled() || installation.uninstalled ||
          installation.Group() == first.Group()) {
        continue;
      }
      if (++tried > kMaxOfPackage) return;
      if (Try(package, ContenderOf(installation, "override"))) return;
    }
  }

  bool Try(PackageId package, const Contender& candidate) {
    const Package& known = space_.package(package);
    if (known.use != nullptr || done_.count(package) > 0) return false;
    Use use{.node = known.path, .path = known.path, .key = known.key};
    std::string what;
    if (candidate.installation != nullptr) {
      use.installation = candidate.installation->name;
      what = absl::StrCat("installation:", candidate.installation->DisplayName());
    } else {
      const absl::StatusOr<Reference> reference = Reference::Parse(candidate.reference);
      if (!reference.ok()) return false;
      use.reference = reference->Full();
      what = reference->Familiar();
    }
    std::vector<Use> uses = failed_.uses;
    uses.push_back(std::move(use));
    if (!Works(std::move(uses), attempts_)) return false;
    done_.insert(package);
    found_.push_back(
        absl::StrCat("--use ", BelowRoot(known.path), "=", what, Against(package, candidate)));
    return true;
  }

  // Who did not ask for it.
  std::string Against(PackageId package, Contender candidate) const {
    candidate.by = "";
    std::map<PackageId, std::vector<std::string>> demands;
    for (const int requirement : space_.package(package).asked) {
      const Asked& asked = space_.asked(requirement);
      const std::string refusal = QuickRefusal(asked, candidate, attempts_.options().strategy);
      const bool told = asked.parent == PackageSpace::kRoot || packages_.count(asked.parent) > 0;
      if (refusal.empty() || !told) continue;
      std::vector<std::string>& of_parent = demands[asked.parent];
      std::string demand = wording_.Demand(requirement);
      if (std::find(of_parent.begin(), of_parent.end(), demand) == of_parent.end()) {
        of_parent.push_back(std::move(demand));
      }
    }
    std::vector<std::string> others;
    for (const auto& [parent, wanted] : demands) {
      others.push_back(absl::StrCat(wording_.Name(parent), " asks for ", JoinWords(wanted, "or")));
    }
    return others.empty() ? "" : absl::StrCat(" (though ", JoinWords(others), ")");
  }

  std::string HowToName() const {
    for (const PackageId package : packages_) {
      const Package& known = space_.package(package);
      if (known.use != nullptr || !space_.asked(known.asked.front()).repository.empty()) continue;
      const std::string name = BelowRoot(known.path);
      return absl::StrCat("name a bundle with --provider REFERENCE or --use ", name,
                          "=REFERENCE, or an installation with --use ", name,
                          "=installation:[NAMESPACE/]NAME");
    }
    return "";
  }

  const Attempt& failed_;
  const PackageSpace& space_;
  const Attempts& attempts_;
  std::set<PackageId> packages_;
  const Wording wording_;
  int searches_ = 0;
  std::set<PackageId> done_;  // Those that a way was found for.
  std::vector<std::string> found_;
};

}  // namespace

std::string WayOut(const Attempt& failed, const Attempts& attempts) {
  return Finder(failed, attempts).Run();
}

}  // namespace deps
