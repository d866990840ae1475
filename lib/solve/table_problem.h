// For tests: a problem that is a table, an exhaustive search to compare with,
// and a look at every step of a proof.
#ifndef DEPS_LIB_SOLVE_TABLE_PROBLEM_H_
#define DEPS_LIB_SOLVE_TABLE_PROBLEM_H_

#include <map>
#include <string>
#include <vector>

#include "lib/solve/solver.h"

namespace deps {

struct TableRequirement {
  PackageId package = 0;
  std::vector<bool> allowed;    // By row of the package's table.
  std::vector<bool> confirmed;  // At a closer look; empty: as allowed.
};

struct TableCandidate {
  std::vector<TableRequirement> requirements;
  // The package has it only since some candidate that names it was asked.
  bool hidden = false;
  std::vector<std::pair<PackageId, size_t>> reveals;
};

// Package 0 is the root. Rows are candidates, best first.
class TableProblem : public Problem {
 public:
  std::vector<std::vector<TableCandidate>> table;
  // Rows that cannot all be selected; -1 stands for any.
  std::vector<std::map<PackageId, int>> exclusions;

  absl::StatusOr<size_t> Candidates(PackageId package) override;
  absl::StatusOr<std::vector<PackageRequirement>> Requirements(PackageId package,
                                                               size_t candidate) override;
  absl::StatusOr<bool> Confirms(int requirement, size_t candidate) override;
  absl::StatusOr<Exclusion> Verify(const Selection& selection) override;
  bool Renew() override;

  // The first selection of an exhaustive search: packages as a breadth-first
  // walk discovers them, best candidates first. Empty where there is none.
  Selection FirstSolution();
  // What is wrong with a proof that there is no solution; "" for a good one.
  std::string DefectOf(const Proof& proof);

  int asked = 0;  // How often Requirements was called.

 private:
  std::vector<size_t> Rows(PackageId package) const;
  bool Extend(Selection* selection, std::vector<PackageId> queue);
  bool IsConsistent(const Selection& selection) const;
  bool IsExcluded(const Selection& selection, const std::map<PackageId, int>& exclusion) const;
  bool Admits(const TableRequirement& requirement, size_t candidate, bool closer) const;
  std::string LeafDefect(const Incompatibility& leaf);
  std::string StepDefect(const Proof& proof, size_t step) const;

  std::vector<TableRequirement> known_;  // By the id of the requirement.
  std::map<std::pair<PackageId, size_t>, bool> shown_;
  std::map<std::pair<PackageId, size_t>, bool> pending_;
};

}  // namespace deps

#endif  // DEPS_LIB_SOLVE_TABLE_PROBLEM_H_
