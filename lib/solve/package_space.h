// The solver's problem made of bundles: packages are the keys of lib/expand,
// candidates are overrides, locked bundles, installations, tags and references.
#ifndef DEPS_LIB_SOLVE_PACKAGE_SPACE_H_
#define DEPS_LIB_SOLVE_PACKAGE_SPACE_H_

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "lib/bundle/lookahead.h"
#include "lib/solve/asked.h"
#include "lib/solve/candidate_list.h"
#include "lib/solve/contender.h"
#include "lib/solve/requests.h"
#include "lib/solve/resolve.h"
#include "lib/solve/shelf.h"
#include "lib/solve/solver.h"

namespace deps {

struct Package {
  std::string key;
  std::string path;         // The first that was found.
  PackageId found_by = -1;  // Whose requirement it was.
  int depth = 0;
  std::vector<int> asked;  // Every requirement ever seen, first come.
  bool needs_tags = false;
  std::vector<std::string> references;  // Default references, full, in order.
  const Use* use = nullptr;
  const LockedNode* locked = nullptr;
  bool built = false;
  bool outdated = false;  // The list has grown since it was built.
  CandidateList candidates;
  // By candidate, where that is known: the requirements that it has.
  std::map<size_t, std::vector<int>> expanded;
};

// What the space is made for. All must outlive it.
struct SpaceInput {
  std::shared_ptr<const BundleDefinition> root;
  const ResolveOptions& options;
  const std::vector<Use>& uses;  // With their keys.
  const std::map<std::string, const LockedNode*>& locked_by_key;
  // Packages that the lock holds have the locked candidate alone, so that
  // nobody's tags are asked for.
  bool locked_only = false;
};

class PackageSpace : public Problem {
 public:
  PackageSpace(SpaceInput input, Shelf& shelf);

  absl::StatusOr<size_t> Candidates(PackageId package) override;
  absl::StatusOr<std::vector<PackageRequirement>> Requirements(PackageId package,
                                                               size_t candidate) override;
  absl::StatusOr<bool> Confirms(int requirement, size_t candidate) override;
  absl::StatusOr<Exclusion> Verify(const Selection& selection) override;
  bool Renew() override;

  static constexpr PackageId kRoot = 0;
  const Package& package(PackageId id) const { return *packages_[id]; }
  const Asked& asked(int requirement) const { return *asked_[requirement]; }
  const BundleDefinition& root() const { return *input_.root; }
  const ResolveOptions& options() const { return input_.options; }
  // -1 where the key was never required.
  PackageId Find(const std::string& key) const;
  // Why a candidate does not meet a requirement, as far as it was looked at;
  // "" where nothing speaks against it.
  std::string KnownRefusal(int requirement, size_t candidate) const;
  // A circle that Verify excluded: each waits for the next one.
  const std::vector<PackageId>& Circle(int exclusion) const { return circles_[exclusion]; }
  // Whether a use was met by some package.
  bool Used(const Use& use) const;
  // The paths of all packages that were seen.
  std::vector<std::string> Paths() const;

 private:
  // What a candidate needs, whatever its number is.
  struct Expansion {
    std::vector<int> requirements;
    // By the wiring of its dependencies: the first reads an output of the second.
    std::vector<std::pair<PackageId, PackageId>> reads;
  };

  absl::Status Expand(PackageId id, const Contender& chosen, Expansion* expansion);
  absl::StatusOr<int> Register(PackageId parent, const BundleDefinition& bundle,
                               Requirement requirement);
  PackageId PackageOf(const Requirement& requirement, PackageId parent);
  bool RepeatsItself(PackageId id) const;
  void NoteNeeds(Package& package, const Asked& asked);
  absl::Status Build(PackageId id);
  absl::Status ReadPins(const Package& package);
  absl::StatusOr<CandidateList> Defaults(const Package& package, const VersionTags& tags) const;
  absl::StatusOr<CandidateSet> Allowed(int requirement);
  absl::StatusOr<std::string> Refusal(const Asked& asked, const Contender& candidate);
  absl::StatusOr<std::string> BundleRefusal(const Asked& asked, const Contender& candidate);
  absl::StatusOr<std::string> InstallationRefusal(const Asked& asked, const Contender& candidate);
  absl::StatusOr<std::string> PinnedRefusal(const Asked& asked, const Contender& candidate,
                                            const BundleDefinition& bundle);
  const Expansion* ExpansionOf(PackageId package, size_t candidate) const;
  std::vector<Term> CircleTerms(const std::vector<PackageId>& circle, const Selection& selection);

  const SpaceInput input_;
  Shelf& shelf_;
  Lookahead lookahead_{shelf_.catalog(), Lookahead::Guess::kHighest};
  std::vector<std::unique_ptr<Package>> packages_;
  absl::flat_hash_map<std::string, PackageId> by_key_;
  std::vector<std::unique_ptr<Asked>> asked_;
  absl::flat_hash_map<std::string, int> by_demand_;   // Only for look-ups.
  std::vector<std::optional<CandidateSet>> allowed_;  // By requirement.
  absl::flat_hash_map<std::pair<PackageId, std::string>, Expansion> expansions_;
  std::map<std::pair<int, size_t>, std::string> verdicts_;  // "" is yes.
  std::vector<std::vector<PackageId>> circles_;
  bool grown_ = false;
};

}  // namespace deps

#endif  // DEPS_LIB_SOLVE_PACKAGE_SPACE_H_
