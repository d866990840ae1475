#include "lib/expand/requirements.h"

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "lib/expand/expand.h"
#include "lib/expand/hint.h"
#include "lib/expand/identity.h"
#include "lib/expand/wiring.h"
#include "lib/oci/reference.h"
#include "lib/semver/semver.h"

namespace deps {
namespace {

// Adds the errors of `status`, placed at the member `pointer` of the dependency;
// the column of one in a text is the byte.
void AddErrors(const absl::Status& status, const Dependency& dependency, std::string_view pointer,
               std::vector<Diagnostic>* errors) {
  for (Diagnostic& diagnostic : DiagnosticsOf(status)) {
    const int column = diagnostic.location.column;
    diagnostic.location =
        dependency.PlaceOf(pointer, column > 0 ? static_cast<size_t>(column - 1) : 0);
    errors->push_back(std::move(diagnostic));
  }
}

void CheckSources(const BundleDefinition& bundle, const absl::flat_hash_set<std::string>& aliases,
                  std::vector<Diagnostic>* errors) {
  for (const DependencySource& source : bundle.sources) {
    if (aliases.contains(source.alias)) continue;
    errors->push_back(
        {.id = DiagnosticId::kGraphUnknownAlias,
         .message = absl::StrCat("the parameter '", source.parameter, "' takes an output of '",
                                 source.alias, "', which is no dependency of bundle '",
                                 bundle.bundle.name, "'"),
         .location = source.location,
         .hint = HintOf(source.alias, {aliases.begin(), aliases.end()})});
  }
}

// nullopt where nothing says which bundle is meant.
std::optional<Candidate> CandidateOf(const std::string& parent, const BundleDefinition& bundle,
                                     const Dependency& dependency, const ExpandOptions& options,
                                     std::vector<Diagnostic>* errors) {
  Candidate candidate{.dependency = dependency};
  candidate.wires = WiresOf(bundle, dependency, errors);
  Sharing sharing = dependency.sharing.value_or(Sharing{.mode = options.default_sharing});
  const absl::StatusOr<std::string> group =
      RenderGroup(sharing.group, parent, bundle.bundle, options);
  AddErrors(group.status(), dependency, "/sharing/group/name", errors);
  if (group.ok()) sharing.group = *group;
  candidate.dependency.sharing = std::move(sharing);
  const absl::Status range = Range::Parse(dependency.version).status();
  AddErrors(range, dependency, "/version", errors);
  if (!range.ok()) candidate.dependency.version.clear();
  if (dependency.reference.empty()) {
    if (dependency.interface) return candidate;
    AddErrors(MakeError({.id = DiagnosticId::kBundleInvalid,
                         .message = absl::StrCat("dependency '", dependency.alias,
                                                 "' has neither a bundle nor an interface")}),
              dependency, "", errors);
    return std::nullopt;
  }
  const absl::StatusOr<Reference> reference = Reference::Parse(dependency.reference);
  AddErrors(reference.status(), dependency, "/bundle", errors);
  if (!reference.ok()) return std::nullopt;
  candidate.repository = reference->Repository();
  return candidate;
}

}  // namespace

Required ReadRequirements(const std::string& parent, const BundleDefinition& bundle,
                          const ExpandOptions& options) {
  Required result;
  std::vector<Candidate> candidates;
  absl::flat_hash_set<std::string> aliases;
  for (const Dependency& dependency : bundle.dependencies) {
    std::optional<Candidate> candidate =
        CandidateOf(parent, bundle, dependency, options, &result.errors);
    if (!aliases.insert(dependency.alias).second) {
      result.errors.push_back(
          {.id = DiagnosticId::kGraphDuplicateAlias,
           .message = absl::StrCat("two dependencies are called '", dependency.alias, "'"),
           .location = dependency.PlaceOf("/name")});
    } else if (candidate) {
      candidates.push_back(*std::move(candidate));
    }
  }
  CheckSources(bundle, aliases, &result.errors);
  std::vector<std::string> keys = KeysOf(parent, bundle.bundle, candidates);
  for (size_t i = 0; i < candidates.size(); ++i) {
    result.requirements.push_back({.parent = parent,
                                   .key = std::move(keys[i]),
                                   .dependency = std::move(candidates[i].dependency)});
  }
  std::sort(result.requirements.begin(), result.requirements.end(),
            [](const Requirement& a, const Requirement& b) {
              return a.dependency.alias < b.dependency.alias;
            });
  return result;
}

absl::StatusOr<std::vector<Requirement>> RequirementsOf(const std::string& parent,
                                                        const BundleDefinition& bundle,
                                                        const ExpandOptions& options) {
  Required required = ReadRequirements(parent, bundle, options);
  if (!required.errors.empty()) return MakeErrors(std::move(required.errors));
  return std::move(required.requirements);
}

}  // namespace deps
