// Gathers a bundle and all that it requires from registries.
#ifndef DEPS_LIB_RELOCATE_COLLECT_H_
#define DEPS_LIB_RELOCATE_COLLECT_H_

#include <string>

#include "absl/status/statusor.h"
#include "lib/model/graph.h"
#include "lib/model/relocation.h"
#include "lib/oci/registry.h"
#include "lib/relocate/family.h"

namespace deps {

struct CollectOptions {
  int jobs = 4;
  bool dependencies = true;  // Else the root alone.
  std::string platform;      // Of images for many, this one alone; "" for all.
  // References are looked up here first: those that name bundles elsewhere.
  RelocationMapping mapping;
  Progress progress = [](std::string_view) {};
};

// The bundle at `reference` and, to any depth, what each bundle.json requires:
// the reference as written, where it has a tag or digest; else the highest
// version of the repository that is in range.
//
// Errors: reference-invalid, range-invalid, graph-cycle, graph-depth,
// graph-no-version; those of Registry and FetchBundle; relocate-collision where
// one bundle would have to be rewritten in two ways.
absl::StatusOr<Family> CollectFromReference(const std::string& reference, Registry& registry,
                                            const CollectOptions& options);

// The bundles of a Solution, each by the digest of its resolution. Nodes that
// an installation serves are left out, and noted.
//
// Errors also: plan-unsolved; digest-mismatch where the root is another bundle
// now than the one that was solved.
absl::StatusOr<Family> CollectFromSolution(const Graph& solution, Registry& registry,
                                           const CollectOptions& options);

}  // namespace deps

#endif  // DEPS_LIB_RELOCATE_COLLECT_H_
