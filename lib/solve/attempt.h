// One search, and the means for another one with other wishes.
#ifndef DEPS_LIB_SOLVE_ATTEMPT_H_
#define DEPS_LIB_SOLVE_ATTEMPT_H_

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "lib/model/bundle.h"
#include "lib/model/lock.h"
#include "lib/solve/package_space.h"
#include "lib/solve/requests.h"
#include "lib/solve/resolve.h"
#include "lib/solve/shelf.h"
#include "lib/solve/solver.h"

namespace deps {

struct Attempt {
  std::vector<Use> uses;  // The space points to them.
  std::unique_ptr<PackageSpace> space;
  SolverResult result;
};

class Attempts {
 public:
  // `options` and `shelf` must outlive it.
  Attempts(std::shared_ptr<const BundleDefinition> root, const ResolveOptions& options,
           std::map<std::string, const LockedNode*> locked_by_key, Shelf& shelf);

  bool HasLocked() const;

  // Errors: those of Solve and PackageSpace.
  absl::StatusOr<std::unique_ptr<Attempt>> Try(std::vector<Use> uses, bool locked_only) const;

  // The same with other options and another shelf.
  Attempts With(const ResolveOptions& options, Shelf& shelf) const {
    return Attempts(root_, options, locked_by_key_, shelf);
  }

  Shelf& shelf() const { return shelf_; }
  const ResolveOptions& options() const { return options_; }

 private:
  const std::shared_ptr<const BundleDefinition> root_;
  const ResolveOptions& options_;
  const std::map<std::string, const LockedNode*> locked_by_key_;
  Shelf& shelf_;
};

}  // namespace deps

#endif  // DEPS_LIB_SOLVE_ATTEMPT_H_
