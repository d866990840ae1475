// The solver's problem made of bundles: packages are the keys of lib/expand,
// candidates are overrides, locked bundles, installations, tags and references.
#ifndef DEPS_LIB_SOLVE_PACKAGE_SPACE_H_
#define DEPS_LIB_SOLVE_PACKAGE_SPACE_H_

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "lib/bundle/catalog.h"
#include "lib/expand/expand.h"
#include "lib/model/lock.h"
#include "lib/solve/contender.h"
#include "lib/solve/interface_match.h"
#include "lib/solve/requests.h"
#include "lib/solve/resolve.h"
#include "lib/solve/solver.h"

namespace deps {

// One requirement, read.
struct Asked {
  PackageId parent = 0;
  std::string parent_text;  // "web 3.1.0"
  Requirement requirement;
  std::string repository;  // "" with only an interface.
  std::string tag;         // Of the reference.
  std::string digest;
  std::optional<Range> range;   // Absent where no range is given.
  std::optional<Version> pin;   // The version of `tag`.
  bool only_reference = false;  // Nothing but the reference will do.
  Wants wants;
};

struct Package {
  std::string key;
  std::string path;  // The first that was found.
  int depth = 0;
  std::vector<Asked> asked;  // Every requirement ever seen, first come.
  bool needs_tags = false;
  std::vector<std::string> references;  // Default references, full, in order.
  const Use* use = nullptr;
  const LockedNode* locked = nullptr;
  bool built = false;
  std::vector<Contender> candidates;
  std::map<std::pair<int, size_t>, std::string> verdicts;  // (requirement, candidate) -> why not.
};

class PackageSpace : public Problem {
 public:
  // All must outlive the space. `uses` have their keys set.
  PackageSpace(std::shared_ptr<const BundleDefinition> root, const ResolveOptions& options,
               const std::vector<Use>& uses,
               const std::map<std::string, const LockedNode*>& locked_by_key, Catalog& catalog);

  absl::StatusOr<size_t> Candidates(PackageId package) override;
  absl::StatusOr<std::vector<PackageRequirement>> Requirements(PackageId package,
                                                               size_t candidate) override;
  absl::StatusOr<bool> Allows(int requirement, size_t candidate) override;
  absl::StatusOr<std::vector<PackageId>> Verify(
      const std::map<PackageId, size_t>& selected) override;
  int Generation() const override { return generation_; }

  static constexpr PackageId kRoot = 0;
  const Package& package(PackageId id) const { return *packages_[id]; }
  const Asked& asked(int requirement) const { return *asked_[requirement]; }
  // -1 where the key was never required.
  PackageId Find(const std::string& key) const;
  // Why a candidate does not meet a requirement; "" where it does.
  absl::StatusOr<std::string> Refusal(int requirement, size_t candidate);
  // The bundle behind a candidate; nullptr for an installation whose bundle is
  // not known, or a reference that is not there.
  absl::StatusOr<std::shared_ptr<const BundleDefinition>> Bundle(const Contender& candidate);
  // "web 3.1.0", "the installation dev/mysql"
  std::string Describe(PackageId package, size_t candidate) const;
  // Whether a use was met by some package.
  bool Used(const Use& use) const { return used_.count(&use) > 0; }

 private:
  struct Expansion {
    std::vector<PackageRequirement> requirements;
  };

  absl::StatusOr<PackageRequirement> Register(PackageId parent, size_t candidate,
                                              const BundleDefinition& bundle,
                                              Requirement requirement);
  absl::StatusOr<Asked> Read(PackageId parent, size_t candidate, const BundleDefinition& bundle,
                             Requirement requirement);
  PackageId PackageOf(const Requirement& requirement, PackageId parent);
  void NoteNeeds(Package& package, const Asked& asked);
  absl::Status Build(Package& package);
  void AddOverride(Package& package);
  void AddLocked(Package& package);
  void AddInstallations(Package& package);
  absl::Status AddRepository(Package& package);
  absl::Status AddProviders(Package& package);
  absl::StatusOr<std::string> BundleRefusal(const Asked& asked, const Contender& candidate);
  absl::StatusOr<std::string> InstallationRefusal(const Asked& asked, const Contender& candidate);
  absl::StatusOr<std::string> VersionRefusal(const Asked& asked, const Contender& candidate);

  const ResolveOptions& options_;
  const std::vector<Use>& uses_;
  const std::map<std::string, const LockedNode*>& locked_by_key_;
  Catalog& catalog_;
  std::shared_ptr<const BundleDefinition> root_;
  std::vector<std::unique_ptr<Package>> packages_;
  std::map<std::string, PackageId> by_key_;
  std::vector<const Asked*> asked_;
  std::vector<std::unique_ptr<Asked>> asked_storage_;
  // By what the candidate is, as numbers may change.
  std::map<std::pair<PackageId, std::string>, Expansion> expansions_;
  std::set<const Use*> used_;
  int generation_ = 0;
};

}  // namespace deps

#endif  // DEPS_LIB_SOLVE_PACKAGE_SPACE_H_
