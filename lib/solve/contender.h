// What may stand for a node, and in which order it is preferred.
#ifndef DEPS_LIB_SOLVE_CONTENDER_H_
#define DEPS_LIB_SOLVE_CONTENDER_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "lib/model/installation.h"
#include "lib/semver/semver.h"

namespace deps {

enum class Strategy { kHighest, kLowest, kDefault, kExact, kMaxPatch, kMaxMinor };

// "highest", "lowest" or "min", "default", "exact", "max-patch", "max-minor".
std::optional<Strategy> ParseStrategy(std::string_view name);

struct Contender {
  std::string by;          // Resolution::by
  std::string repository;  // HOST/PATH
  std::string reference;   // What the catalog is asked for; "" where unknown.
  // Asked for where `reference` is not there: an installation's bundle may be
  // known by its tag alone.
  std::string fallback;
  std::string tag;
  std::string digest;              // "" where only the catalog knows.
  std::optional<Version> version;  // Of the tag or the installation.
  const Installation* installation = nullptr;
};

// The bundle's repository as HOST/PATH, "" where it has none or a malformed one.
std::string RepositoryOf(const Installation& installation);

// A reference to the bundle that the installation runs, best by digest.
std::string ReferenceOf(const Installation& installation);

// Installations that may serve a dependency shared in `group`: installed, not
// another's own, in `name_space` or the global one, of the same group (no label
// is the group ""). Local before global, then the higher version, the name.
// Pointers into `installations`.
std::vector<Contender> InstallationCandidates(const std::vector<Installation>& installations,
                                              const std::string& name_space,
                                              const std::string& group);

// One for each tag that is a version, best first by the strategy.
std::vector<Contender> TagCandidates(const std::string& repository,
                                     const std::vector<std::string>& tags, Strategy strategy);

}  // namespace deps

#endif  // DEPS_LIB_SOLVE_CONTENDER_H_
