// For measurements: families of problems that tell solvers apart, and one of
// them as a Problem.
#ifndef DEPS_LIB_SOLVE_SOLVER_FAMILIES_H_
#define DEPS_LIB_SOLVE_SOLVER_FAMILIES_H_

#include <cstdint>
#include <string>
#include <vector>

#include "lib/solve/solver.h"

namespace deps {

// Candidates `begin` up to, not including, `end` of a package.
struct Need {
  PackageId package = 0;
  uint32_t begin = 0;
  uint32_t end = 0;
};

// Everything there is, as an index of all bundles would tell it: candidates are
// best first, and package 0 is the root.
class Universe {
 public:
  PackageId AddPackage() {
    packages_.push_back({versions_.size(), versions_.size()});
    return static_cast<PackageId>(packages_.size()) - 1;
  }
  // Of the package that was added last.
  void AddVersion(const std::vector<Need>& needs) {
    versions_.push_back(needs_.size());
    needs_.insert(needs_.end(), needs.begin(), needs.end());
    ++packages_.back().end;
  }

  size_t PackageCount() const { return packages_.size(); }
  size_t VersionCount() const { return versions_.size(); }
  size_t NeedCount() const { return needs_.size(); }
  size_t VersionsOf(PackageId package) const {
    return packages_[package].end - packages_[package].begin;
  }
  // The needs of one version: [first, last).
  const Need* NeedsBegin(PackageId package, size_t candidate) const {
    return needs_.data() + versions_[packages_[package].begin + candidate];
  }
  const Need* NeedsEnd(PackageId package, size_t candidate) const {
    const size_t next = packages_[package].begin + candidate + 1;
    return needs_.data() + (next < versions_.size() ? versions_[next] : needs_.size());
  }

 private:
  struct Span {
    size_t begin = 0;
    size_t end = 0;
  };
  std::vector<Span> packages_;    // Of versions_.
  std::vector<size_t> versions_;  // Where the needs of each begin.
  std::vector<Need> needs_;
};

class UniverseProblem : public Problem {
 public:
  explicit UniverseProblem(const Universe& universe) : universe_(universe) {}
  absl::StatusOr<size_t> Candidates(PackageId package) override {
    return universe_.VersionsOf(package);
  }
  absl::StatusOr<std::vector<PackageRequirement>> Requirements(PackageId package,
                                                               size_t candidate) override;

  int64_t asked = 0;  // Versions of which the requirements were looked up.

 private:
  const Universe& universe_;
};

// Each package needs the next; there is one version of each.
Universe Chain(uint32_t length);
// Each version needs `needs` of the packages that come a little later, from
// some version on. No conflicts.
Universe Layered(uint32_t packages, uint32_t versions, uint32_t needs);
// The best of two versions of one package is against all but the last of the
// other's, which is decided later.
Universe WrongBacktracking(uint32_t versions);
// Each version needs exactly its own number of the next package, down to one
// of which only the last can be.
Universe ExactWindows(uint32_t length, uint32_t versions);
// One more pigeon than holes. No solution.
Universe Pigeonhole(uint32_t holes);
// Narrow needs everywhere. No solution.
Universe Overconstrained(uint32_t packages, uint32_t versions, uint32_t seed);
// All versions of a package need one that is missing. No solution.
Universe BrokenVersions(uint32_t versions);
// Pairs that are in conflict with their best versions, each by itself.
Universe Pairs(uint32_t pairs);
// Every one of many packages needs some version of the same package.
Universe Hub(uint32_t packages, uint32_t versions);

}  // namespace deps

#endif  // DEPS_LIB_SOLVE_SOLVER_FAMILIES_H_
