// One requirement of one bundle, read: what it wants of whoever stands for it.
#ifndef DEPS_LIB_SOLVE_ASKED_H_
#define DEPS_LIB_SOLVE_ASKED_H_

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "lib/bundle/catalog.h"
#include "lib/expand/expand.h"
#include "lib/semver/semver.h"
#include "lib/solve/contender.h"
#include "lib/solve/interface_match.h"
#include "lib/solve/solver.h"

namespace deps {

struct Asked {
  PackageId parent = 0;
  PackageId package = 0;  // That is asked for.
  Requirement requirement;
  std::string repository;  // "" with only an interface.
  std::string tag;         // Of the reference.
  std::string digest;
  std::optional<Range> range;   // Absent where no range is given.
  std::optional<Version> pin;   // The version of `tag`, or of the bundle with `digest`.
  bool only_reference = false;  // Nothing but the reference will do.
  Wants wants;

  bool IsShared() const { return requirement.dependency.sharing->mode == Sharing::Mode::kGroup; }
  const std::string& Group() const { return requirement.dependency.sharing->group; }
  // What other candidates of the parent may ask for just as well, as a text.
  std::string Demand() const;
};

// `parent` and `package` are left to the caller; `pin` is of the tag.
// Errors: reference-invalid, range-invalid; those of WantsOf.
absl::StatusOr<Asked> ReadAsked(const BundleDefinition& bundle, Requirement requirement,
                                Strategy strategy, Catalog& catalog);

// Why the candidate is not what `asked` wants, as far as that shows without
// reading its bundle: "is not in ^2". "" where it is, or where only its bundle
// can tell. Time: O(1) for a range of a few parts.
std::string QuickRefusal(const Asked& asked, const Contender& candidate, Strategy strategy);

// "is not v1.0.0", "is not sha256:0123abcd…"
std::string NotTheReference(const Asked& asked);

}  // namespace deps

#endif  // DEPS_LIB_SOLVE_ASKED_H_
