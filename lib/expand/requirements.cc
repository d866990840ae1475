#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "lib/expand/expand.h"
#include "lib/expand/identity.h"
#include "lib/expand/wiring.h"
#include "lib/oci/reference.h"
#include "lib/semver/semver.h"

namespace deps {
namespace {

// Adds the errors of `status`, placed at `pointer` below the dependency.
void AddErrors(const absl::Status& status, const Dependency& dependency, std::string_view pointer,
               std::vector<Diagnostic>* errors) {
  for (Diagnostic& diagnostic : DiagnosticsOf(status)) {
    diagnostic.location = dependency.location;
    diagnostic.location.pointer += pointer;
    errors->push_back(std::move(diagnostic));
  }
}

Candidate CandidateOf(const std::string& parent, const BundleDefinition& bundle,
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
  AddErrors(Range::Parse(dependency.version).status(), dependency, "/version", errors);
  if (!dependency.reference.empty()) {
    const absl::StatusOr<Reference> reference = Reference::Parse(dependency.reference);
    AddErrors(reference.status(), dependency, "/bundle", errors);
    if (reference.ok()) candidate.repository = reference->Repository();
  } else if (!dependency.interface) {
    AddErrors(MakeError({.id = DiagnosticId::kBundleInvalid,
                         .message = absl::StrCat("dependency '", dependency.alias,
                                                 "' has neither a bundle nor an interface")}),
              dependency, "", errors);
  }
  return candidate;
}

}  // namespace

absl::StatusOr<std::vector<Requirement>> RequirementsOf(const std::string& parent,
                                                        const BundleDefinition& bundle,
                                                        const ExpandOptions& options) {
  std::vector<Diagnostic> errors;
  std::vector<Candidate> candidates;
  absl::flat_hash_set<std::string> aliases;
  for (const Dependency& dependency : bundle.dependencies) {
    if (!aliases.insert(dependency.alias).second) {
      errors.push_back(
          {.id = DiagnosticId::kGraphDuplicateAlias,
           .message = absl::StrCat("two dependencies are called '", dependency.alias, "'"),
           .location = dependency.location});
    }
    candidates.push_back(CandidateOf(parent, bundle, dependency, options, &errors));
  }
  if (!errors.empty()) return MakeErrors(std::move(errors));
  std::vector<std::string> keys = KeysOf(parent, bundle.bundle, candidates);
  std::vector<Requirement> requirements;
  for (size_t i = 0; i < candidates.size(); ++i) {
    requirements.push_back({.parent = parent,
                            .key = std::move(keys[i]),
                            .dependency = std::move(candidates[i].dependency)});
  }
  std::sort(requirements.begin(), requirements.end(),
            [](const Requirement& a, const Requirement& b) {
              return a.dependency.alias < b.dependency.alias;
            });
  return requirements;
}

}  // namespace deps
