// What a solve looks up, and how: bundles and tags for candidates.
#ifndef DEPS_LIB_SOLVE_SHELF_H_
#define DEPS_LIB_SOLVE_SHELF_H_

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "lib/bundle/catalog.h"
#include "lib/model/graph.h"
#include "lib/solve/candidate_list.h"
#include "lib/solve/contender.h"

namespace deps {

// Lives through all attempts of one Resolve, so that each question is asked
// once.
class Shelf {
 public:
  Shelf(const Graph& graph, Catalog& catalog, Strategy strategy);

  Shelf WithStrategy(Strategy strategy) const { return Shelf(graph_, catalog_, strategy); }

  Catalog& catalog() { return catalog_; }

  // The bundle behind a candidate; nullptr for an installation whose bundle is
  // not known, or a reference that is certainly not there. A bundle that the
  // graph holds by this very digest serves where no registry can be asked.
  // Errors: those of Catalog::Get but registry-not-found; lock-tampered where a
  // locked digest is gone and its tag leads to another one.
  absl::StatusOr<std::shared_ptr<const BundleDefinition>> Bundle(const Contender& candidate);

  // Errors: those of Catalog::Tags.
  absl::StatusOr<VersionTags> Tags(const std::string& repository);

  // Candidates for a dependency with only an interface: `references` (those of
  // --provider) in their order. Errors: reference-invalid; those of Tags.
  absl::StatusOr<CandidateList> Providers(const std::vector<std::string>& references);
  // What the indexes have for the interface `id`, or all that they have where it
  // is "": repositories in byte order, but not `without`; of each the best
  // version first. Errors: those of Catalog::Providers.
  absl::StatusOr<CandidateList> IndexedProviders(const std::string& id, const std::string& without);

 private:
  absl::Status CheckLocked(const Contender& candidate);

  const Graph& graph_;
  Catalog& catalog_;
  const Strategy strategy_;
  absl::flat_hash_map<std::string, VersionTags> tags_;
  std::map<std::string, std::shared_ptr<const BundleDefinition>> of_graph_;  // By REPO@DIGEST.
};

}  // namespace deps

#endif  // DEPS_LIB_SOLVE_SHELF_H_
