// How the candidates of a package come about, and the closer look at each.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "lib/base/status_macros.h"
#include "lib/diag/diagnostic.h"
#include "lib/oci/reference.h"
#include "lib/solve/package_space.h"

namespace deps {
namespace {

CandidateList Override(const Use& use, const std::vector<Installation>& installations) {
  CandidateList candidates;
  if (!use.installation) {
    Contender candidate{.by = "override", .reference = use.reference};
    if (const auto reference = Reference::Parse(use.reference); reference.ok()) {
      candidate.repository = reference->Repository();
      candidate.tag = reference->tag();
      candidate.digest = reference->digest();
    }
    if (const auto tag = ParseVersionTag(candidate.tag)) candidate.version = tag->version;
    candidates.Add(std::move(candidate));
    return candidates;
  }
  for (const Installation& installation : installations) {
    if (installation.name == *use.installation && installation.IsInstalled()) {
      candidates.Add(ContenderOf(installation, "override"));
    }
  }
  return candidates;
}

// The locked bundle may run by now: then it is reused, not installed again.
CandidateList Locked(const LockedNode& locked, const std::vector<Contender>& installations) {
  CandidateList candidates;
  for (Contender candidate : installations) {
    const bool same = locked.installation
                          ? candidate.installation->name == *locked.installation
                          : !locked.digest.empty() && candidate.digest == locked.digest;
    if (!same) continue;
    if (locked.installation) candidate.by = "lock";
    candidates.Add(std::move(candidate));
  }
  if (locked.installation || locked.digest.empty()) return candidates;
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
  candidates.Add(std::move(candidate));
  return candidates;
}

bool IsEmpty(const Wants& wants) { return wants == Wants(); }

}  // namespace

absl::Status PackageSpace::Build(PackageId id) {
  Package& package = *packages_[id];
  if (package.built) return absl::OkStatus();
  package.built = true;
  const ResolveOptions& options = input_.options;
  if (package.use != nullptr) {
    package.candidates = Override(*package.use, options.installations);
    return absl::OkStatus();
  }
  package.candidates = CandidateList();
  const Asked& first = *asked_[package.asked.front()];
  std::vector<Contender> installations;
  if (first.IsShared()) {
    installations =
        InstallationCandidates(options.installations, options.name_space, first.Group());
  }
  if (package.locked != nullptr) {
    package.candidates.Append(Locked(*package.locked, installations));
    if (input_.locked_only) return absl::OkStatus();
  }
  for (Contender& candidate : installations) package.candidates.Add(std::move(candidate));
  if (first.repository.empty()) {
    DEPS_ASSIGN_OR_RETURN(const CandidateList listed, shelf_.Providers(options.providers));
    package.candidates.Append(listed);
    // Who lists providers has chosen among them; and what nothing is wanted of,
    // anything would do for.
    if (!options.providers.empty() || IsEmpty(first.wants)) return absl::OkStatus();
    const auto root = Reference::Parse(input_.root->bundle.reference);
    DEPS_ASSIGN_OR_RETURN(
        const CandidateList indexed,
        shelf_.IndexedProviders(first.wants.interface_id, root.ok() ? root->Repository() : ""));
    package.candidates.Append(indexed);
    return absl::OkStatus();
  }
  VersionTags tags;
  if (package.needs_tags) {
    DEPS_ASSIGN_OR_RETURN(tags, shelf_.Tags(first.repository));
  }
  DEPS_RETURN_IF_ERROR(ReadPins(package));
  const bool default_first = options.strategy == Strategy::kDefault;
  DEPS_ASSIGN_OR_RETURN(const CandidateList defaults,
                        Defaults(package, default_first ? nullptr : tags));
  if (default_first) package.candidates.Append(defaults);
  if (tags != nullptr) package.candidates.AddTags(first.repository, tags, "range");
  if (!default_first) package.candidates.Append(defaults);
  return absl::OkStatus();
}

// Default references that no tag stands for already.
absl::StatusOr<CandidateList> PackageSpace::Defaults(const Package& package,
                                                     const VersionTags& tags) const {
  CandidateList candidates;
  for (const std::string& text : package.references) {
    DEPS_ASSIGN_OR_RETURN(const Reference reference, Reference::Parse(text));
    const bool listed = tags != nullptr && !reference.tag().empty() &&
                        std::any_of(tags->begin(), tags->end(), [&](const VersionTag& tag) {
                          return tag.tag == reference.tag();
                        });
    if (listed) continue;
    Contender candidate{.by = "default",
                        .repository = reference.Repository(),
                        .reference = text,
                        .tag = reference.tag(),
                        .digest = reference.digest()};
    if (const auto tag = ParseVersionTag(candidate.tag)) candidate.version = tag->version;
    for (const int id : package.asked) {
      const Asked& asked = *asked_[id];
      if (!asked.digest.empty() && asked.digest == candidate.digest) candidate.version = asked.pin;
    }
    candidates.Add(std::move(candidate));
  }
  return candidates;
}

// The version of a bundle that is named by its digest, where it decides which
// tags are meant.
absl::Status PackageSpace::ReadPins(const Package& package) {
  const Strategy strategy = input_.options.strategy;
  for (const int id : package.asked) {
    Asked& asked = *asked_[id];
    const bool narrows = asked.range && !asked.only_reference &&
                         (strategy == Strategy::kMaxPatch || strategy == Strategy::kMaxMinor);
    const bool compared =
        asked.only_reference && (package.needs_tags || package.references.size() > 1);
    if (asked.digest.empty() || asked.pin || !(narrows || compared)) continue;
    DEPS_ASSIGN_OR_RETURN(
        const auto bundle,
        shelf_.Bundle({.by = "default",
                       .repository = asked.repository,
                       .reference = absl::StrCat(asked.repository, "@", asked.digest),
                       .digest = asked.digest}));
    if (bundle == nullptr) continue;
    const absl::StatusOr<Version> version = Version::Parse(bundle->bundle.version);
    if (version.ok()) asked.pin = *version;
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> PackageSpace::Refusal(const Asked& asked, const Contender& candidate) {
  return candidate.installation != nullptr ? InstallationRefusal(asked, candidate)
                                           : BundleRefusal(asked, candidate);
}

absl::StatusOr<std::string> PackageSpace::BundleRefusal(const Asked& asked,
                                                        const Contender& candidate) {
  DEPS_ASSIGN_OR_RETURN(const auto bundle, shelf_.Bundle(candidate));
  if (bundle == nullptr) return std::string("is not there");
  if (candidate.by != "override" && !asked.repository.empty()) {
    DEPS_ASSIGN_OR_RETURN(std::string refusal, PinnedRefusal(asked, candidate, *bundle));
    if (!refusal.empty()) return refusal;
  }
  const std::vector<std::string> lacks = Lacks(asked.wants, *bundle, false);
  return lacks.empty() ? "" : absl::StrCat("lacks ", absl::StrJoin(lacks, ", "));
}

// What QuickRefusal had to leave open: a candidate, or a reference, that is
// known by its digest alone.
absl::StatusOr<std::string> PackageSpace::PinnedRefusal(const Asked& asked,
                                                        const Contender& candidate,
                                                        const BundleDefinition& bundle) {
  if (asked.only_reference && !asked.digest.empty()) {
    if (bundle.bundle.digest == asked.digest) return std::string();
    return NotTheReference(asked);
  }
  if (candidate.version) return std::string();
  Contender known = candidate;
  const absl::StatusOr<Version> version = Version::Parse(bundle.bundle.version);
  if (version.ok()) known.version = *version;
  if (!asked.only_reference) {
    if (!known.version && asked.range) return std::string("has no version");
    return QuickRefusal(asked, known, input_.options.strategy);
  }
  if (asked.tag == candidate.tag || (asked.pin && known.version == asked.pin)) return std::string();
  DEPS_ASSIGN_OR_RETURN(
      const auto wanted,
      shelf_.Bundle({.by = "default",
                     .repository = asked.repository,
                     .reference = absl::StrCat(asked.repository, ":", asked.tag)}));
  const bool same = wanted != nullptr && wanted->bundle.digest == bundle.bundle.digest;
  return same ? "" : NotTheReference(asked);
}

absl::StatusOr<std::string> PackageSpace::InstallationRefusal(const Asked& asked,
                                                              const Contender& candidate) {
  const bool bound = candidate.by != "override" && !asked.requirement.dependency.interface;
  if (bound && !candidate.version && asked.range) return std::string("has no version");
  const Installation& installation = *candidate.installation;
  const auto has = [&](const std::string& name) {
    return std::find(installation.outputs.begin(), installation.outputs.end(), name) !=
           installation.outputs.end();
  };
  std::vector<std::string> missing;
  bool by_definition = !installation.outputs_known;
  for (const auto& [name, item] : asked.wants.outputs) {
    if (!has(name)) missing.push_back(absl::StrCat("the output \"", name, "\""));
    by_definition = by_definition || !item.id.empty() || !item.type.empty();
  }
  if (asked.wants.outputs.empty()) return std::string();
  if (by_definition) {
    const absl::StatusOr<std::shared_ptr<const BundleDefinition>> bundle = shelf_.Bundle(candidate);
    // Names are what Porter goes by; where they are all there, nothing more has
    // to be asked of a network that may not be used.
    const bool names_will_do = installation.outputs_known && missing.empty();
    if (!bundle.ok() && !(names_will_do && HasId(bundle.status(), DiagnosticId::kOffline))) {
      return bundle.status();
    }
    if (bundle.ok() && *bundle != nullptr) {
      missing = Lacks(asked.wants, **bundle, true);
    } else if (!installation.outputs_known) {
      return std::string("has outputs that are not known");
    }
  }
  return missing.empty() ? "" : absl::StrCat("lacks ", absl::StrJoin(missing, ", "));
}

}  // namespace deps
