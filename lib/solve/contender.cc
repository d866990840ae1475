#include "lib/solve/contender.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "lib/oci/reference.h"

namespace deps {
namespace {

bool IsEligible(const Installation& installation, const std::string& name_space,
                const std::string& group) {
  const std::string& where = installation.name.name_space;
  // What its owner wants to be gone is nothing to build on.
  return installation.IsInstalled() && !installation.uninstalled &&
         (where == name_space || where.empty()) && installation.Group() == group;
}

// Of the status, which tells what runs; the bundle of the specification may be
// one that it was never upgraded to.
std::string TagOf(const Installation& installation) {
  const absl::StatusOr<Reference> status = Reference::Parse(installation.bundle_reference);
  return status.ok() && !status->tag().empty() ? status->tag() : installation.tag;
}

std::optional<Version> VersionOf(const Installation& installation) {
  for (const std::string* text : {&installation.bundle_version, &installation.version}) {
    if (text->empty()) continue;
    const absl::StatusOr<Version> version = Version::Parse(*text);
    if (version.ok()) return *version;
  }
  const std::optional<VersionTag> tag = ParseVersionTag(TagOf(installation));
  return tag ? std::optional<Version>(tag->version) : std::nullopt;
}

bool HigherVersion(const Contender& a, const Contender& b) {
  if (a.version.has_value() != b.version.has_value()) return a.version.has_value();
  return a.version && *a.version > *b.version;
}

}  // namespace

std::optional<Strategy> ParseStrategy(std::string_view name) {
  if (name == "highest") return Strategy::kHighest;
  if (name == "lowest" || name == "min") return Strategy::kLowest;
  if (name == "default") return Strategy::kDefault;
  if (name == "exact") return Strategy::kExact;
  if (name == "max-patch") return Strategy::kMaxPatch;
  if (name == "max-minor") return Strategy::kMaxMinor;
  return std::nullopt;
}

std::string RepositoryOf(const Installation& installation) {
  const std::string& text =
      installation.repository.empty() ? installation.bundle_reference : installation.repository;
  const absl::StatusOr<Reference> reference = Reference::Parse(text);
  return reference.ok() ? reference->Repository() : "";
}

std::string ReferenceOf(const Installation& installation) {
  const std::string repository = RepositoryOf(installation);
  if (repository.empty()) return installation.bundle_reference;
  for (const std::string* digest : {&installation.bundle_digest, &installation.digest}) {
    if (!digest->empty()) return absl::StrCat(repository, "@", *digest);
  }
  if (!installation.bundle_reference.empty()) return installation.bundle_reference;
  if (!installation.tag.empty()) return absl::StrCat(repository, ":", installation.tag);
  if (installation.version.empty()) return "";
  std::string tag = absl::StrCat("v", installation.version);
  std::replace(tag.begin(), tag.end(), '+', '_');
  return absl::StrCat(repository, ":", tag);
}

Contender ContenderOf(const Installation& installation, const std::string& by) {
  return {.by = by,
          .repository = RepositoryOf(installation),
          .reference = ReferenceOf(installation),
          .fallback = installation.bundle_reference,
          .tag = TagOf(installation),
          .digest =
              installation.bundle_digest.empty() ? installation.digest : installation.bundle_digest,
          .version = VersionOf(installation),
          .installation = &installation};
}

std::vector<Contender> InstallationCandidates(const std::vector<Installation>& installations,
                                              const std::string& name_space,
                                              const std::string& group) {
  std::vector<Contender> candidates;
  for (const Installation& installation : installations) {
    if (!IsEligible(installation, name_space, group)) continue;
    candidates.push_back(ContenderOf(installation, "installation"));
  }
  std::stable_sort(candidates.begin(), candidates.end(),
                   [&](const Contender& a, const Contender& b) {
                     const InstallationName& left = a.installation->name;
                     const InstallationName& right = b.installation->name;
                     const bool left_local = left.name_space == name_space;
                     const bool right_local = right.name_space == name_space;
                     if (left_local != right_local) return left_local;
                     if (HigherVersion(a, b)) return true;
                     if (HigherVersion(b, a)) return false;
                     return left < right;
                   });
  return candidates;
}

std::vector<VersionTag> VersionTagsOf(const std::vector<std::string>& tags, Strategy strategy) {
  std::vector<VersionTag> versions;
  for (const std::string& tag : tags) {
    if (std::optional<VersionTag> version = ParseVersionTag(tag)) {
      versions.push_back(*std::move(version));
    }
  }
  std::sort(versions.begin(), versions.end(), [&](const VersionTag& a, const VersionTag& b) {
    if (strategy == Strategy::kLowest && !(a.version == b.version)) return a.version < b.version;
    return BetterTag(a, b);
  });
  return versions;
}

}  // namespace deps
