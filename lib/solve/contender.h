// What may stand for a node, and in which order it is preferred.
#ifndef DEPS_LIB_SOLVE_CONTENDER_H_
#define DEPS_LIB_SOLVE_CONTENDER_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

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

// `installation`, chosen as `by`. A pointer to it is kept.
Contender ContenderOf(const Installation& installation, const std::string& by);

// Installations that may serve a dependency shared in `group` (PEP003 rules 2
// and 3, bundles.md 2.5): installed and not to be uninstalled, in `name_space`
// or the global one, of the same group (Installation::Group). Local before
// global, then the higher version, the name. Pointers into `installations`.
std::vector<Contender> InstallationCandidates(const std::vector<Installation>& installations,
                                              const std::string& name_space,
                                              const std::string& group);

// The tags that are versions, best first by the strategy.
std::vector<VersionTag> VersionTagsOf(const std::vector<std::string>& tags, Strategy strategy);

}  // namespace deps

#endif  // DEPS_LIB_SOLVE_CONTENDER_H_
