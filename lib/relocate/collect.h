// Gathers a bundle and all that it requires from registries.
#ifndef DEPS_LIB_RELOCATE_COLLECT_H_
#define DEPS_LIB_RELOCATE_COLLECT_H_

#include <functional>
#include <string>

#include "absl/status/statusor.h"
#include "lib/model/graph.h"
#include "lib/model/relocation.h"
#include "lib/oci/registry.h"
#include "lib/relocate/family.h"
#include "lib/relocate/plan.h"
#include "lib/relocate/watcher.h"

namespace deps {

struct CollectOptions {
  int jobs = 4;
  bool dependencies = true;  // Else the root alone.
  std::string platform;      // Of images for many, this one alone; "" for all.
  // References are looked up here first: those that name bundles elsewhere.
  RelocationMapping mapping;
  // Gives the Solution of a reference, where a requirement below it does not name
  // one digest: so that what several bundles share becomes one bundle. Without
  // it each reference stands for itself.
  std::function<absl::StatusOr<Graph>(const std::string& reference)> solve = {};
  // For a check: everything is read and nothing kept; what is missing or
  // different goes into the family's differences.
  bool check = false;
  // Blobs stay where they are, and the family says where: for a copy.
  bool stream = false;
  // Take along what is attached to bundles and images: cosign's tags and
  // referrers. What cannot be asked for is noted.
  bool attachments = true;
  // Layers that are said to be kept elsewhere, too, where the registry has them.
  // Their URLs are never asked.
  bool foreign = false;
  // What to do where a dependency is not found, for whoever reads the error.
  std::string hint_for_dependencies = {};
  Watcher* watcher = &Nobody();
};

// The bundle at `reference` and, to any depth, what each bundle.json requires, by
// its digest; where a requirement has none, as `options.solve` says.
//
// Errors: reference-invalid, graph-cycle, graph-depth; those of Registry,
// FetchBundle and options.solve; relocate-collision where one bundle would have
// to be rewritten in two ways.
absl::StatusOr<Family> CollectFromReference(const std::string& reference, Registry& registry,
                                            const CollectOptions& options);

// The bundles of a Solution, each by the digest of its resolution. Nodes that
// an installation serves are left out, and noted.
//
// Errors also: plan-unsolved; digest-mismatch where the root is another bundle
// now than the one that was solved.
absl::StatusOr<Family> CollectFromSolution(const Graph& solution, Registry& registry,
                                           const CollectOptions& options);

// What `plan` says is at its targets, for Verify: all is read, and what is missing
// or other than planned goes into the family's differences. Only the registry of
// the targets is asked.
absl::StatusOr<Family> CollectTarget(const RelocationPlan& plan, Registry& registry,
                                     CollectOptions options);

}  // namespace deps

#endif  // DEPS_LIB_RELOCATE_COLLECT_H_
