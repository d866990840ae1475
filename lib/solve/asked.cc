#include "lib/solve/asked.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "lib/base/status_macros.h"
#include "lib/oci/reference.h"

namespace deps {
namespace {

std::string Familiar(const std::string& repository) {
  const absl::StatusOr<Reference> reference = Reference::Parse(repository);
  return reference.ok() ? reference->FamiliarRepository() : repository;
}

std::string NarrowRefusal(const Asked& asked, const Version& version, Strategy strategy) {
  const Version& pin = *asked.pin;
  const bool same_major = version.major() == pin.major();
  if (strategy == Strategy::kMaxPatch && (!same_major || version.minor() != pin.minor())) {
    return absl::StrCat("is no patch of ", pin.major(), ".", pin.minor(),
                        ", as --strategy max-patch wants");
  }
  if (strategy == Strategy::kMaxMinor && !same_major) {
    return absl::StrCat("is no ", pin.major(), ".x, as --strategy max-minor wants");
  }
  return "";
}

}  // namespace

std::string NotTheReference(const Asked& asked) {
  constexpr size_t kShort = 15;  // Of a digest, as much as tells it from others.
  return asked.digest.empty() ? absl::StrCat("is not ", asked.tag)
                              : absl::StrCat("is not ", asked.digest.substr(0, kShort), "…");
}

namespace {

// Only the reference itself will do: the same digest, tag or version.
std::string ReferenceRefusal(const Asked& asked, const Contender& candidate) {
  const std::string refusal = NotTheReference(asked);
  if (!asked.digest.empty() && !candidate.digest.empty()) {
    return candidate.digest == asked.digest ? "" : refusal;
  }
  if (asked.digest.empty() && !candidate.tag.empty() && candidate.tag == asked.tag) return "";
  if (asked.pin && candidate.version) {
    return *candidate.version == *asked.pin ? "" : refusal;
  }
  // One of them is known by its digest alone.
  const bool comparable = !asked.digest.empty() || !candidate.digest.empty();
  return comparable ? "" : refusal;
}

std::string RangeRefusal(const Asked& asked, const Version& version, Strategy strategy) {
  const Dependency& dependency = asked.requirement.dependency;
  if (!asked.range) {
    const bool release = version.prerelease().empty() || dependency.prereleases;
    return release ? "" : "is a prerelease, which was not asked for";
  }
  if (!asked.range->Contains(version, dependency.prereleases)) {
    const bool by_prerelease = asked.range->Contains(version, /*prereleases=*/true);
    return by_prerelease
               ? absl::StrCat("is a prerelease, which ", dependency.version, " does not admit")
               : absl::StrCat("is not in ", dependency.version);
  }
  return asked.pin ? NarrowRefusal(asked, version, strategy) : "";
}

void AppendItems(const std::map<std::string, WantedItem>& items, std::string* text) {
  for (const auto& [name, item] : items) {
    absl::StrAppend(text, "\n ", name, "\t", item.id, "\t", item.type);
  }
  absl::StrAppend(text, "\n-");
}

}  // namespace

std::string Asked::Demand() const {
  const Dependency& dependency = requirement.dependency;
  std::string text =
      absl::StrCat(dependency.alias, "\n", dependency.reference, "\n", dependency.version, "\n",
                   dependency.prereleases ? "pre" : "", "\n", wants.interface_id, "\n",
                   dependency.interface ? dependency.interface->text : "");
  AppendItems(wants.outputs, &text);
  AppendItems(wants.parameters, &text);
  AppendItems(wants.credentials, &text);
  return text;
}

absl::StatusOr<Asked> ReadAsked(const BundleDefinition& bundle, Requirement requirement,
                                Strategy strategy, Catalog& catalog) {
  Asked asked;
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
  asked.only_reference = named && (!asked.range || strategy == Strategy::kExact);
  DEPS_ASSIGN_OR_RETURN(asked.wants, WantsOf(bundle, dependency, catalog));
  asked.requirement = std::move(requirement);
  return asked;
}

std::string QuickRefusal(const Asked& asked, const Contender& candidate, Strategy strategy) {
  // What the user names is bound by no range.
  if (candidate.by == "override") return "";
  if (candidate.installation != nullptr && asked.requirement.dependency.interface) return "";
  if (!asked.repository.empty() && candidate.repository != asked.repository) {
    return absl::StrCat("comes from ", candidate.repository.empty()
                                           ? "an unknown repository"
                                           : Familiar(candidate.repository));
  }
  if (asked.only_reference) return ReferenceRefusal(asked, candidate);
  return candidate.version ? RangeRefusal(asked, *candidate.version, strategy) : "";
}

}  // namespace deps
