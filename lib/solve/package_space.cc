#include "lib/solve/package_space.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "lib/base/status_macros.h"
#include "lib/diag/diagnostic.h"
#include "lib/solve/circle.h"
#include "lib/template/template.h"

namespace deps {
namespace {

// A bundle that has its own copy of itself has that copy's copy too. So many
// below each other are without end; a few may be older and older versions.
constexpr int kMaxOwnCopies = 8;

// What a candidate is, whatever its number.
std::string IdentityOf(const Contender& candidate) {
  if (candidate.installation == nullptr) return candidate.reference;
  return absl::StrCat("installation:", candidate.installation->DisplayName());
}

// Siblings whose outputs are passed to the dependency.
std::vector<std::string> AliasesRead(const Dependency& dependency) {
  std::vector<std::string> aliases;
  for (const auto* wiring : {&dependency.parameters, &dependency.credentials}) {
    for (const auto& entry : *wiring) {
      const absl::StatusOr<std::vector<TemplatePart>> parts = ParseTemplate(entry.second);
      if (!parts.ok()) continue;  // RequirementsOf has told.
      for (const TemplatePart& part : *parts) {
        if (part.kind == TemplatePart::Kind::kDependencyOutput) aliases.push_back(part.alias);
      }
    }
  }
  return aliases;
}

}  // namespace

PackageSpace::PackageSpace(SpaceInput input, Shelf& shelf)
    : input_(std::move(input)), shelf_(shelf) {
  auto package = std::make_unique<Package>();
  package->key = std::string(kRootKey);
  package->path = package->key;
  package->built = true;
  package->candidates.Add({.reference = input_.root->bundle.reference});
  by_key_.emplace(package->key, kRoot);
  packages_.push_back(std::move(package));
}

PackageId PackageSpace::Find(const std::string& key) const {
  const auto found = by_key_.find(key);
  return found == by_key_.end() ? -1 : found->second;
}

std::vector<std::string> PackageSpace::Paths() const {
  std::vector<std::string> paths;
  for (const auto& package : packages_) paths.push_back(package->path);
  return paths;
}

bool PackageSpace::Used(const Use& use) const {
  return std::any_of(packages_.begin(), packages_.end(),
                     [&](const auto& package) { return package->use == &use; });
}

absl::StatusOr<size_t> PackageSpace::Candidates(PackageId id) {
  DEPS_RETURN_IF_ERROR(Build(id));
  return packages_[id]->candidates.size();
}

bool PackageSpace::Renew() {
  if (!grown_) return false;
  grown_ = false;
  for (const auto& package : packages_) {
    if (!package->outdated) continue;
    package->built = false;
    package->outdated = false;
    package->expanded.clear();
    for (const int id : package->asked) {
      allowed_[id].reset();
      verdicts_.erase(verdicts_.lower_bound({id, 0}), verdicts_.lower_bound({id + 1, 0}));
    }
  }
  return true;
}

absl::StatusOr<std::vector<PackageRequirement>> PackageSpace::Requirements(PackageId id,
                                                                           size_t candidate) {
  const Contender chosen = packages_[id]->candidates.At(candidate);
  const auto [found, is_new] = expansions_.try_emplace({id, IdentityOf(chosen)});
  if (is_new) {
    Expansion expansion;
    DEPS_RETURN_IF_ERROR(Expand(id, chosen, &expansion));
    expansions_[{id, IdentityOf(chosen)}] = std::move(expansion);
  }
  const std::vector<int>& ids = packages_[id]->expanded[candidate] =
      expansions_[{id, IdentityOf(chosen)}].requirements;
  // Lists are made when all that is required of them here is known.
  for (const int requirement : ids) {
    DEPS_RETURN_IF_ERROR(Build(asked_[requirement]->package));
  }
  std::vector<PackageRequirement> requirements;
  for (const int requirement : ids) {
    DEPS_ASSIGN_OR_RETURN(CandidateSet allowed, Allowed(requirement));
    requirements.push_back({.package = asked_[requirement]->package,
                            .allowed = std::move(allowed),
                            .id = requirement,
                            .provisional = true});
  }
  return requirements;
}

absl::Status PackageSpace::Expand(PackageId id, const Contender& chosen, Expansion* expansion) {
  // What is installed has what it needs.
  if (chosen.installation != nullptr) return absl::OkStatus();
  std::shared_ptr<const BundleDefinition> bundle = input_.root;
  if (id != kRoot) {
    DEPS_ASSIGN_OR_RETURN(bundle, shelf_.Bundle(chosen));
  }
  if (bundle == nullptr) return absl::OkStatus();
  absl::StatusOr<std::vector<Requirement>> read =
      RequirementsOf(packages_[id]->key, *bundle, input_.options.expand);
  if (!read.ok()) return WithContext(read.status(), packages_[id]->path);
  if (!input_.locked_only) {
    for (const Requirement& requirement : *read) lookahead_.Expect(requirement.dependency);
  }
  std::map<std::string, PackageId> by_alias;
  for (Requirement& requirement : *read) {
    const std::string alias = requirement.dependency.alias;
    DEPS_ASSIGN_OR_RETURN(const int registered, Register(id, *bundle, std::move(requirement)));
    expansion->requirements.push_back(registered);
    by_alias[alias] = asked_[registered]->package;
  }
  for (const Dependency& dependency : bundle->dependencies) {
    const auto reader = by_alias.find(dependency.alias);
    for (const std::string& alias : AliasesRead(dependency)) {
      const auto read_from = by_alias.find(alias);
      if (read_from == by_alias.end() || reader == by_alias.end()) continue;
      expansion->reads.emplace_back(reader->second, read_from->second);
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<int> PackageSpace::Register(PackageId parent, const BundleDefinition& bundle,
                                           Requirement requirement) {
  const PackageId id = PackageOf(requirement, parent);
  Package& package = *packages_[id];
  if (package.depth > input_.options.expand.max_depth) {
    return MakeError({.id = DiagnosticId::kGraphDepth,
                      .message = absl::StrCat("dependencies are nested more than ",
                                              input_.options.expand.max_depth,
                                              " deep: ", package.path.substr(0, 200))});
  }
  if (packages_.size() > input_.options.expand.max_nodes) {
    return MakeError({.id = DiagnosticId::kGraphDepth,
                      .message = absl::StrCat("the search came to more than ",
                                              input_.options.expand.max_nodes, " nodes")});
  }
  absl::StatusOr<Asked> read =
      ReadAsked(bundle, std::move(requirement), input_.options.strategy, shelf_.catalog());
  if (!read.ok()) return WithContext(read.status(), package.path);
  read->parent = parent;
  read->package = id;
  const auto [known, is_new] = by_demand_.try_emplace(
      absl::StrCat(parent, ">", id, "\n", read->Demand()), static_cast<int>(asked_.size()));
  if (!is_new) return known->second;
  asked_.push_back(std::make_unique<Asked>(*std::move(read)));
  allowed_.emplace_back();
  package.asked.push_back(known->second);
  NoteNeeds(package, *asked_.back());
  return known->second;
}

PackageId PackageSpace::PackageOf(const Requirement& requirement, PackageId parent) {
  const auto [found, is_new] =
      by_key_.try_emplace(requirement.key, static_cast<PackageId>(packages_.size()));
  if (!is_new) return found->second;
  auto package = std::make_unique<Package>();
  package->key = requirement.key;
  package->path = absl::StrCat(packages_[parent]->path, "/", requirement.dependency.alias);
  package->found_by = parent;
  package->depth = packages_[parent]->depth + 1;
  for (const Use& use : input_.uses) {
    if (use.Names(package->key, package->path)) package->use = &use;
  }
  const ResolveOptions& options = input_.options;
  const auto locked = input_.locked_by_key.find(package->key);
  if (locked != input_.locked_by_key.end()) {
    package->locked = locked->second;
  } else if (options.lock && options.KeepsLocked(package->path)) {
    const auto by_path = options.lock->nodes.find(package->path);
    if (by_path != options.lock->nodes.end()) package->locked = &by_path->second;
  }
  if (package->locked != nullptr && !package->locked->digest.empty()) {
    lookahead_.ExpectBundle(
        absl::StrCat(package->locked->repository, "@", package->locked->digest));
  }
  packages_.push_back(std::move(package));
  return found->second;
}

bool PackageSpace::RepeatsItself(PackageId id) const {
  const Asked& own = *asked_[packages_[id]->asked.front()];
  if (own.IsShared() || own.repository.empty()) return false;
  int copies = 0;
  for (PackageId at = packages_[id]->found_by; at > kRoot; at = packages_[at]->found_by) {
    const Asked& above = *asked_[packages_[at]->asked.front()];
    if (!above.IsShared() && above.repository == own.repository) ++copies;
    if (copies >= kMaxOwnCopies) return true;
  }
  return false;
}

void PackageSpace::NoteNeeds(Package& package, const Asked& asked) {
  const bool needs_tags = !asked.repository.empty() && !asked.only_reference;
  bool grown = needs_tags && !package.needs_tags;
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
      grown = true;
    }
  }
  if (!grown || !package.built) return;
  package.outdated = true;
  grown_ = true;
}

absl::StatusOr<CandidateSet> PackageSpace::Allowed(int requirement) {
  if (allowed_[requirement]) return *allowed_[requirement];
  const Asked& asked = *asked_[requirement];
  const CandidateList& list = packages_[asked.package]->candidates;
  CandidateSet allowed(list.size());
  const bool repeats = RepeatsItself(asked.package);
  for (size_t candidate = 0; candidate < list.size() && !repeats; ++candidate) {
    if (QuickRefusal(asked, list.At(candidate), input_.options.strategy).empty()) {
      allowed.Add(candidate);
    }
  }
  allowed_[requirement] = allowed;
  return allowed;
}

absl::StatusOr<bool> PackageSpace::Confirms(int requirement, size_t number) {
  const auto [verdict, is_new] = verdicts_.try_emplace({requirement, number});
  if (!is_new) return verdict->second.empty();
  const Asked& asked = *asked_[requirement];
  absl::StatusOr<std::string> refusal =
      Refusal(asked, packages_[asked.package]->candidates.At(number));
  if (!refusal.ok()) {
    verdicts_.erase(verdict);
    return refusal.status();
  }
  verdict->second = *std::move(refusal);
  return verdict->second.empty();
}

std::string PackageSpace::KnownRefusal(int requirement, size_t number) const {
  const Asked& asked = *asked_[requirement];
  const Contender candidate = packages_[asked.package]->candidates.At(number);
  std::string quick = QuickRefusal(asked, candidate, input_.options.strategy);
  if (!quick.empty()) return quick;
  if (RepeatsItself(asked.package)) return "would need its own copy of itself, without end";
  const auto verdict = verdicts_.find({requirement, number});
  return verdict == verdicts_.end() ? "" : verdict->second;
}

const PackageSpace::Expansion* PackageSpace::ExpansionOf(PackageId package,
                                                         size_t candidate) const {
  const auto found =
      expansions_.find({package, IdentityOf(packages_[package]->candidates.At(candidate))});
  return found == expansions_.end() ? nullptr : &found->second;
}

absl::StatusOr<Exclusion> PackageSpace::Verify(const Selection& selection) {
  std::vector<std::vector<PackageId>> needs(selection.size());
  for (PackageId id = 0; id < static_cast<PackageId>(selection.size()); ++id) {
    if (selection[id] == kNotSelected) continue;
    const Expansion* expansion = ExpansionOf(id, selection[id]);
    if (expansion == nullptr) continue;
    for (const int requirement : expansion->requirements) {
      needs[id].push_back(asked_[requirement]->package);
    }
    for (const auto& [reader, read] : expansion->reads) {
      // What is installed waits for nobody.
      const Contender chosen = packages_[reader]->candidates.At(selection[reader]);
      if (chosen.installation == nullptr) needs[reader].push_back(read);
    }
  }
  const std::vector<PackageId> circle = FindCircle(needs, kRoot);
  if (circle.empty()) return Exclusion{};
  circles_.push_back(circle);
  return Exclusion{.terms = CircleTerms(circle, selection),
                   .id = static_cast<int>(circles_.size()) - 1};
}

std::vector<Term> PackageSpace::CircleTerms(const std::vector<PackageId>& circle,
                                            const Selection& selection) {
  std::vector<PackageId> packages = circle;
  const auto add = [&](PackageId id) {
    if (std::find(packages.begin(), packages.end(), id) == packages.end()) packages.push_back(id);
  };
  // Whoever wires two of them together takes part.
  for (PackageId id = 0; id < static_cast<PackageId>(selection.size()); ++id) {
    const Expansion* expansion =
        selection[id] == kNotSelected ? nullptr : ExpansionOf(id, selection[id]);
    if (expansion == nullptr) continue;
    for (const auto& [reader, read] : expansion->reads) {
      for (size_t i = 0; i < circle.size(); ++i) {
        if (circle[i] == reader && circle[(i + 1) % circle.size()] == read) add(id);
      }
    }
  }
  std::vector<Term> terms;
  for (const PackageId id : packages) {
    CandidateSet set(packages_[id]->candidates.size());
    set.Add(selection[id]);
    terms.push_back({id, std::move(set)});
  }
  return terms;
}

}  // namespace deps
