#include "lib/solve/package_space.h"

#include <algorithm>
#include <functional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "lib/base/status_macros.h"
#include "lib/diag/diagnostic.h"
#include "lib/oci/reference.h"

namespace deps {
namespace {

// What a candidate is, whatever its number.
std::string IdentityOf(const Contender& candidate) {
  if (candidate.installation == nullptr) return candidate.reference;
  const InstallationName& name = candidate.installation->name;
  return absl::StrCat("installation:", name.name_space, "/", name.name);
}

bool IsShared(const Asked& asked) {
  const std::optional<Sharing>& sharing = asked.requirement.dependency.sharing;
  return sharing && sharing->mode == Sharing::Mode::kGroup;
}

bool SameReference(const Asked& asked, const Contender& candidate) {
  if (!asked.digest.empty()) return candidate.digest == asked.digest;
  if (!candidate.tag.empty() && candidate.tag == asked.tag) return true;
  return asked.pin && candidate.version && *candidate.version == *asked.pin;
}

bool Narrows(Strategy strategy, const Version& pin, const Version& version) {
  if (strategy == Strategy::kMaxPatch) {
    return version.major() == pin.major() && version.minor() == pin.minor();
  }
  return strategy != Strategy::kMaxMinor || version.major() == pin.major();
}

}  // namespace

PackageSpace::PackageSpace(std::shared_ptr<const BundleDefinition> root,
                           const ResolveOptions& options, const std::vector<Use>& uses,
                           const std::map<std::string, const LockedNode*>& locked_by_key,
                           Catalog& catalog)
    : options_(options),
      uses_(uses),
      locked_by_key_(locked_by_key),
      catalog_(catalog),
      root_(std::move(root)) {
  auto package = std::make_unique<Package>();
  package->key = std::string(kRootKey);
  package->path = package->key;
  package->built = true;
  package->candidates.push_back({.reference = root_->bundle.reference});
  by_key_[package->key] = kRoot;
  packages_.push_back(std::move(package));
}

PackageId PackageSpace::Find(const std::string& key) const {
  const auto found = by_key_.find(key);
  return found == by_key_.end() ? -1 : found->second;
}

absl::StatusOr<size_t> PackageSpace::Candidates(PackageId id) {
  Package& package = *packages_[id];
  if (!package.built) DEPS_RETURN_IF_ERROR(Build(package));
  return package.candidates.size();
}

absl::StatusOr<std::vector<PackageRequirement>> PackageSpace::Requirements(PackageId id,
                                                                           size_t candidate) {
  const Contender chosen = packages_[id]->candidates[candidate];
  const std::pair<PackageId, std::string> key{id, IdentityOf(chosen)};
  if (const auto found = expansions_.find(key); found != expansions_.end()) {
    return found->second.requirements;
  }
  Expansion expansion;
  // What is installed has what it needs.
  if (chosen.installation == nullptr) {
    std::shared_ptr<const BundleDefinition> bundle = root_;
    if (id != kRoot) {
      DEPS_ASSIGN_OR_RETURN(bundle, Bundle(chosen));
    }
    if (bundle != nullptr) {
      const std::string path = packages_[id]->path;
      absl::StatusOr<std::vector<Requirement>> requirements =
          RequirementsOf(packages_[id]->key, *bundle, options_.expand);
      if (!requirements.ok()) return WithContext(requirements.status(), path);
      for (Requirement& requirement : *requirements) {
        DEPS_ASSIGN_OR_RETURN(const PackageRequirement registered,
                              Register(id, candidate, *bundle, std::move(requirement)));
        expansion.requirements.push_back(registered);
      }
    }
  }
  return (expansions_[key] = std::move(expansion)).requirements;
}

absl::StatusOr<PackageRequirement> PackageSpace::Register(PackageId parent, size_t candidate,
                                                          const BundleDefinition& bundle,
                                                          Requirement requirement) {
  const PackageId id = PackageOf(requirement, parent);
  Package& package = *packages_[id];
  if (package.depth > options_.expand.max_depth) {
    return MakeError(
        {.id = DiagnosticId::kGraphDepth,
         .message = absl::StrCat(package.path, ": dependencies are nested deeper than ",
                                 options_.expand.max_depth)});
  }
  DEPS_ASSIGN_OR_RETURN(Asked asked, Read(parent, candidate, bundle, std::move(requirement)));
  asked_storage_.push_back(std::make_unique<Asked>(std::move(asked)));
  asked_.push_back(asked_storage_.back().get());
  package.asked.push_back(*asked_.back());
  NoteNeeds(package, *asked_.back());
  return PackageRequirement{id, static_cast<int>(asked_.size()) - 1};
}

absl::StatusOr<Asked> PackageSpace::Read(PackageId parent, size_t candidate,
                                         const BundleDefinition& bundle, Requirement requirement) {
  Asked asked;
  asked.parent = parent;
  asked.parent_text = Describe(parent, candidate);
  const Dependency& dependency = requirement.dependency;
  if (!dependency.reference.empty()) {
    DEPS_ASSIGN_OR_RETURN(const Reference reference, Reference::Parse(dependency.reference));
    asked.repository = reference.Repository();
    asked.tag = reference.tag();
    asked.digest = reference.digest();
    if (const std::optional<VersionTag> tag = ParseVersionTag(asked.tag)) asked.pin = tag->version;
  }
  if (!dependency.version.empty()) {
    DEPS_ASSIGN_OR_RETURN(asked.range, Range::Parse(dependency.version));
  }
  const bool named = !asked.tag.empty() || !asked.digest.empty();
  asked.only_reference = named && (!asked.range || options_.strategy == Strategy::kExact);
  DEPS_ASSIGN_OR_RETURN(asked.wants, WantsOf(bundle, dependency, catalog_));
  asked.requirement = std::move(requirement);
  return asked;
}

PackageId PackageSpace::PackageOf(const Requirement& requirement, PackageId parent) {
  const auto [found, fresh] =
      by_key_.try_emplace(requirement.key, static_cast<PackageId>(packages_.size()));
  if (!fresh) return found->second;
  auto package = std::make_unique<Package>();
  package->key = requirement.key;
  package->path = absl::StrCat(packages_[parent]->path, "/", requirement.dependency.alias);
  package->depth = packages_[parent]->depth + 1;
  for (const Use& use : uses_) {
    const bool below_root = absl::StrCat(std::string(kRootKey), "/", use.node) == package->path;
    if (use.key.empty() ? below_root || use.node == package->path : use.key == package->key) {
      package->use = &use;
      used_.insert(&use);
    }
  }
  const auto locked = locked_by_key_.find(package->key);
  if (locked != locked_by_key_.end()) package->locked = locked->second;
  if (package->locked == nullptr && options_.lock && !options_.upgrade) {
    const auto by_path = options_.lock->nodes.find(package->path);
    if (by_path != options_.lock->nodes.end()) package->locked = &by_path->second;
  }
  packages_.push_back(std::move(package));
  return found->second;
}

void PackageSpace::NoteNeeds(Package& package, const Asked& asked) {
  const bool needs_tags = !asked.repository.empty() && !asked.only_reference;
  bool changed = needs_tags && !package.needs_tags;
  package.needs_tags = package.needs_tags || needs_tags;
  if (!asked.repository.empty()) {
    // A repository alone means its versions, or else "latest".
    const std::string suffix = !asked.digest.empty() ? absl::StrCat("@", asked.digest)
                               : asked.tag.empty()   ? (asked.range ? "" : ":latest")
                                                     : absl::StrCat(":", asked.tag);
    const std::string reference = asked.repository + suffix;
    if (!suffix.empty() && std::find(package.references.begin(), package.references.end(),
                                     reference) == package.references.end()) {
      package.references.push_back(reference);
      changed = true;
    }
  }
  if (changed && package.built) {
    package.built = false;
    ++generation_;
  }
}

absl::Status PackageSpace::Build(Package& package) {
  package.candidates.clear();
  package.verdicts.clear();
  package.built = true;
  if (package.use != nullptr) {
    AddOverride(package);
    return absl::OkStatus();
  }
  AddLocked(package);
  AddInstallations(package);
  if (package.asked.front().repository.empty()) return AddProviders(package);
  return AddRepository(package);
}

void PackageSpace::AddOverride(Package& package) {
  const Use& use = *package.use;
  if (!use.installation) {
    Contender candidate{.by = "override", .reference = use.reference};
    if (const auto reference = Reference::Parse(use.reference); reference.ok()) {
      candidate.repository = reference->Repository();
      candidate.tag = reference->tag();
      candidate.digest = reference->digest();
    }
    if (const auto tag = ParseVersionTag(candidate.tag)) candidate.version = tag->version;
    package.candidates.push_back(std::move(candidate));
    return;
  }
  for (const Installation& installation : options_.installations) {
    if (!(installation.name == *use.installation) || !installation.IsInstalled()) continue;
    package.candidates.push_back({.by = "override",
                                  .repository = RepositoryOf(installation),
                                  .reference = ReferenceOf(installation),
                                  .fallback = installation.bundle_reference,
                                  .tag = installation.tag,
                                  .digest = installation.bundle_digest,
                                  .installation = &installation});
  }
}

void PackageSpace::AddLocked(Package& package) {
  if (package.locked == nullptr) return;
  const LockedNode& locked = *package.locked;
  std::vector<Contender> installations;
  if (IsShared(package.asked.front())) {
    installations =
        InstallationCandidates(options_.installations, options_.name_space,
                               package.asked.front().requirement.dependency.sharing->group);
  }
  // The locked bundle may run by now: then it is reused, not installed again.
  for (Contender& candidate : installations) {
    const bool same = locked.installation
                          ? candidate.installation->name == *locked.installation
                          : !locked.digest.empty() && candidate.digest == locked.digest;
    if (!same) continue;
    if (locked.installation) candidate.by = "lock";
    package.candidates.push_back(std::move(candidate));
  }
  if (locked.installation || locked.digest.empty()) return;
  Contender candidate{.by = "lock",
                      .repository = locked.repository,
                      .reference = absl::StrCat(locked.repository, "@", locked.digest),
                      .tag = locked.tag,
                      .digest = locked.digest};
  if (const auto reference = Reference::Parse(locked.repository); reference.ok()) {
    candidate.repository = reference->Repository();
  }
  if (const auto version = Version::Parse(locked.version); version.ok()) {
    candidate.version = *version;
  }
  package.candidates.push_back(std::move(candidate));
}

void PackageSpace::AddInstallations(Package& package) {
  if (!IsShared(package.asked.front())) return;
  const std::string& group = package.asked.front().requirement.dependency.sharing->group;
  for (Contender& candidate :
       InstallationCandidates(options_.installations, options_.name_space, group)) {
    package.candidates.push_back(std::move(candidate));
  }
}

absl::Status PackageSpace::AddRepository(Package& package) {
  std::vector<Contender> references;
  std::vector<Contender> tags;
  if (package.needs_tags) {
    const std::string& repository = package.asked.front().repository;
    DEPS_ASSIGN_OR_RETURN(const std::vector<std::string> all, catalog_.Tags(repository));
    tags = TagCandidates(repository, all, options_.strategy);
  }
  for (const std::string& text : package.references) {
    DEPS_ASSIGN_OR_RETURN(const Reference reference, Reference::Parse(text));
    Contender candidate{.by = "default",
                        .repository = reference.Repository(),
                        .reference = text,
                        .tag = reference.tag(),
                        .digest = reference.digest()};
    if (const auto tag = ParseVersionTag(candidate.tag)) candidate.version = tag->version;
    const bool listed = options_.strategy != Strategy::kDefault &&
                        std::any_of(tags.begin(), tags.end(), [&](const Contender& tag) {
                          return tag.reference == candidate.reference;
                        });
    if (!listed) references.push_back(std::move(candidate));
  }
  if (options_.strategy == Strategy::kDefault) std::swap(references, tags);
  for (std::vector<Contender>* part : {&tags, &references}) {
    for (Contender& candidate : *part) package.candidates.push_back(std::move(candidate));
  }
  return absl::OkStatus();
}

absl::Status PackageSpace::AddProviders(Package& package) {
  for (const std::string& text : options_.providers) {
    DEPS_ASSIGN_OR_RETURN(const Reference reference, Reference::Parse(text));
    std::vector<Contender> candidates;
    if (reference.tag().empty() && reference.digest().empty()) {
      DEPS_ASSIGN_OR_RETURN(const std::vector<std::string> tags,
                            catalog_.Tags(reference.Repository()));
      candidates = TagCandidates(reference.Repository(), tags, options_.strategy);
    } else {
      candidates.push_back({.repository = reference.Repository(),
                            .reference = reference.Full(),
                            .tag = reference.tag(),
                            .digest = reference.digest()});
      if (const auto tag = ParseVersionTag(reference.tag())) {
        candidates.back().version = tag->version;
      }
    }
    for (Contender& candidate : candidates) {
      candidate.by = "provider";
      package.candidates.push_back(std::move(candidate));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<bool> PackageSpace::Allows(int requirement, size_t candidate) {
  DEPS_ASSIGN_OR_RETURN(const std::string refusal, Refusal(requirement, candidate));
  return refusal.empty();
}

absl::StatusOr<std::string> PackageSpace::Refusal(int requirement, size_t number) {
  const Asked& asked = *asked_[requirement];
  Package& package = *packages_[Find(asked.requirement.key)];
  const std::pair<int, size_t> key{requirement, number};
  if (const auto found = package.verdicts.find(key); found != package.verdicts.end()) {
    return found->second;
  }
  // A copy: what is asked for below may add packages.
  const Contender candidate = package.candidates[number];
  DEPS_ASSIGN_OR_RETURN(std::string refusal, candidate.installation != nullptr
                                                 ? InstallationRefusal(asked, candidate)
                                                 : BundleRefusal(asked, candidate));
  package.verdicts[key] = refusal;
  return refusal;
}

absl::StatusOr<std::string> PackageSpace::VersionRefusal(const Asked& asked,
                                                         const Contender& candidate) {
  if (candidate.repository != asked.repository) {
    return absl::StrCat("comes from ", candidate.repository.empty() ? "an unknown repository"
                                                                    : candidate.repository);
  }
  if (asked.only_reference) {
    if (SameReference(asked, candidate)) return std::string();
    return absl::StrCat("is not ", asked.requirement.dependency.reference);
  }
  std::optional<Version> version = candidate.version;
  if (!version && asked.range) {
    DEPS_ASSIGN_OR_RETURN(const auto bundle, Bundle(candidate));
    if (bundle == nullptr) return std::string("is not there");
    const absl::StatusOr<Version> own = Version::Parse(bundle->bundle.version);
    if (own.ok()) version = *own;
  }
  const Dependency& dependency = asked.requirement.dependency;
  if (!asked.range) {
    const bool release = !version || version->prerelease().empty() || dependency.prereleases;
    return release ? "" : std::string("is a prerelease, which was not asked for");
  }
  if (!version) return std::string("has no version");
  if (!asked.range->Contains(*version, dependency.prereleases)) {
    return absl::StrCat("is not in ", dependency.version);
  }
  if (asked.pin && !Narrows(options_.strategy, *asked.pin, *version)) {
    return absl::StrCat("is too far from ", asked.tag, " for the strategy");
  }
  return std::string();
}

absl::StatusOr<std::string> PackageSpace::BundleRefusal(const Asked& asked,
                                                        const Contender& candidate) {
  // What the user names, or lists for an interface, is bound by no range.
  if (candidate.by != "override" && !asked.repository.empty()) {
    DEPS_ASSIGN_OR_RETURN(std::string refusal, VersionRefusal(asked, candidate));
    if (!refusal.empty()) return refusal;
  }
  DEPS_ASSIGN_OR_RETURN(const auto bundle, Bundle(candidate));
  if (bundle == nullptr) return std::string("is not there");
  const std::vector<std::string> lacks = Lacks(asked.wants, *bundle, false);
  return lacks.empty() ? "" : absl::StrCat("lacks ", absl::StrJoin(lacks, ", "));
}

absl::StatusOr<std::string> PackageSpace::InstallationRefusal(const Asked& asked,
                                                              const Contender& candidate) {
  if (candidate.by != "override" && !asked.requirement.dependency.interface) {
    DEPS_ASSIGN_OR_RETURN(std::string refusal, VersionRefusal(asked, candidate));
    if (!refusal.empty()) return refusal;
  }
  const Installation& installation = *candidate.installation;
  std::vector<std::string> missing;
  bool by_id = false;
  for (const auto& [name, item] : asked.wants.outputs) {
    const bool has = std::find(installation.outputs.begin(), installation.outputs.end(), name) !=
                     installation.outputs.end();
    if (!has) missing.push_back(absl::StrCat("the output \"", name, "\""));
    by_id = by_id || !item.id.empty();
  }
  if (missing.empty()) return std::string();
  if (!installation.outputs_known || by_id) {
    DEPS_ASSIGN_OR_RETURN(const auto bundle, Bundle(candidate));
    if (bundle == nullptr) return std::string("has outputs that are not known");
    missing = Lacks(asked.wants, *bundle, true);
  }
  return missing.empty() ? "" : absl::StrCat("lacks ", absl::StrJoin(missing, ", "));
}

absl::StatusOr<std::shared_ptr<const BundleDefinition>> PackageSpace::Bundle(
    const Contender& candidate) {
  if (candidate.reference.empty()) return std::shared_ptr<const BundleDefinition>();
  for (const std::string* reference : {&candidate.reference, &candidate.fallback}) {
    if (reference->empty()) continue;
    absl::StatusOr<std::shared_ptr<const BundleDefinition>> bundle = catalog_.Get(*reference);
    if (!HasId(bundle.status(), DiagnosticId::kRegistryNotFound)) return bundle;
  }
  return std::shared_ptr<const BundleDefinition>();
}

std::string PackageSpace::Describe(PackageId id, size_t number) const {
  const Contender& candidate = packages_[id]->candidates[number];
  if (id == kRoot) return absl::StrCat(root_->bundle.name, " ", root_->bundle.version);
  if (candidate.installation != nullptr) {
    const InstallationName& name = candidate.installation->name;
    return absl::StrCat("the installation ", name.name_space, "/", name.name);
  }
  const absl::StatusOr<Reference> reference = Reference::Parse(candidate.reference);
  if (!reference.ok()) return candidate.reference;
  const std::string version = candidate.version ? candidate.version->ToString() : candidate.tag;
  return absl::StrCat(reference->FamiliarRepository(), " ",
                      version.empty() ? reference->digest() : version);
}

absl::StatusOr<std::vector<PackageId>> PackageSpace::Verify(
    const std::map<PackageId, size_t>& selected) {
  std::map<PackageId, int> state;  // 1: on the way, 2: done.
  std::vector<PackageId> way;
  std::vector<PackageId> circle;
  const std::function<void(PackageId)> visit = [&](PackageId package) {
    state[package] = 1;
    way.push_back(package);
    const Contender& candidate = packages_[package]->candidates[selected.at(package)];
    for (const PackageRequirement& next :
         expansions_[{package, IdentityOf(candidate)}].requirements) {
      if (!circle.empty()) return;
      if (state[next.package] == 1) {
        circle.assign(std::find(way.begin(), way.end(), next.package), way.end());
        return;
      }
      if (state[next.package] == 0) visit(next.package);
    }
    way.pop_back();
    state[package] = 2;
  };
  visit(kRoot);
  return circle;
}

}  // namespace deps
