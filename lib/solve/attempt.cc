#include "lib/solve/attempt.h"

#include <algorithm>
#include <utility>

#include "lib/base/status_macros.h"

namespace deps {

Attempts::Attempts(std::shared_ptr<const BundleDefinition> root, const ResolveOptions& options,
                   std::map<std::string, const LockedNode*> locked_by_key, Shelf& shelf)
    : root_(std::move(root)),
      options_(options),
      locked_by_key_(std::move(locked_by_key)),
      shelf_(shelf) {}

bool Attempts::HasLocked() const {
  if (!options_.lock) return false;
  const auto& nodes = options_.lock->nodes;
  return std::any_of(nodes.begin(), nodes.end(),
                     [&](const auto& node) { return options_.KeepsLocked(node.first); });
}

absl::StatusOr<std::unique_ptr<Attempt>> Attempts::Try(std::vector<Use> uses,
                                                       bool locked_only) const {
  auto attempt = std::make_unique<Attempt>();
  attempt->uses = std::move(uses);
  attempt->space = std::make_unique<PackageSpace>(SpaceInput{.root = root_,
                                                             .options = options_,
                                                             .uses = attempt->uses,
                                                             .locked_by_key = locked_by_key_,
                                                             .locked_only = locked_only},
                                                  shelf_);
  DEPS_ASSIGN_OR_RETURN(attempt->result, Solve(*attempt->space, PackageSpace::kRoot));
  return attempt;
}

}  // namespace deps
