#include "lib/solve/solver.h"

#include <functional>
#include <random>
#include <vector>

#include "gtest/gtest.h"
#include "lib/diag/diagnostic.h"

namespace deps {
namespace {

struct TestRequirement {
  PackageId package;
  std::vector<bool> allowed;
};

// requirements[package][candidate]
class TableProblem : public Problem {
 public:
  std::vector<std::vector<std::vector<TestRequirement>>> table;
  std::vector<PackageId> exclusive;  // Verify refuses when all of them have candidate 0.

  absl::StatusOr<size_t> Candidates(PackageId package) override { return table[package].size(); }
  absl::StatusOr<std::vector<PackageRequirement>> Requirements(PackageId package,
                                                               size_t candidate) override {
    std::vector<PackageRequirement> requirements;
    for (const TestRequirement& requirement : table[package][candidate]) {
      requirements.push_back({requirement.package, static_cast<int>(known_.size())});
      known_.push_back(requirement.allowed);
    }
    return requirements;
  }
  absl::StatusOr<bool> Allows(int requirement, size_t candidate) override {
    return bool{known_[requirement][candidate]};
  }
  absl::StatusOr<std::vector<PackageId>> Verify(
      const std::map<PackageId, size_t>& selected) override {
    if (exclusive.empty()) return std::vector<PackageId>();
    for (const PackageId package : exclusive) {
      const auto found = selected.find(package);
      if (found == selected.end() || found->second != 0) return std::vector<PackageId>();
    }
    return exclusive;
  }
  int Generation() const override { return 0; }

 private:
  std::vector<std::vector<bool>> known_;
};

using Selection = std::map<PackageId, size_t>;

// The first solution of an exhaustive search in the same order.
class BruteForce {
 public:
  explicit BruteForce(TableProblem& problem) : problem_(problem) {}
  Selection Run() { return Extend({}, {0}) ? found_ : Selection(); }

 private:
  bool Extend(const Selection& selected, std::vector<PackageId> queue) {
    PackageId next = -1;
    for (const PackageId package : queue) {
      if (selected.count(package) == 0) {
        next = package;
        break;
      }
    }
    if (next < 0) {
      if (!problem_.Verify(selected)->empty()) return false;
      found_ = selected;
      return true;
    }
    for (size_t candidate = 0; candidate < problem_.table[next].size(); ++candidate) {
      Selection more = selected;
      more[next] = candidate;
      if (!Consistent(more)) continue;
      std::vector<PackageId> longer = queue;
      for (const TestRequirement& requirement : problem_.table[next][candidate]) {
        if (std::find(longer.begin(), longer.end(), requirement.package) == longer.end()) {
          longer.push_back(requirement.package);
        }
      }
      if (Extend(more, longer)) return true;
    }
    return false;
  }

  bool Consistent(const Selection& selected) const {
    for (const auto& [package, candidate] : selected) {
      for (const TestRequirement& requirement : problem_.table[package][candidate]) {
        const auto other = selected.find(requirement.package);
        if (other != selected.end() && !requirement.allowed[other->second]) return false;
      }
    }
    return true;
  }

  TableProblem& problem_;
  Selection found_;
};

TableProblem RandomProblem(uint32_t seed) {
  std::mt19937 random(seed);
  const auto below = [&](uint32_t bound) { return random() % bound; };
  TableProblem problem;
  const uint32_t packages = 3 + below(5);
  problem.table.resize(packages);
  for (uint32_t package = 0; package < packages; ++package) {
    problem.table[package].resize(package == 0 ? 1 : 1 + below(4));
  }
  for (uint32_t package = 0; package < packages; ++package) {
    for (std::vector<TestRequirement>& requirements : problem.table[package]) {
      const uint32_t count = package == 0 ? 2 : below(4);
      for (uint32_t i = 0; i < count; ++i) {
        const PackageId other = static_cast<PackageId>(1 + below(packages - 1));
        std::vector<bool> allowed(problem.table[other].size());
        for (size_t c = 0; c < allowed.size(); ++c) allowed[c] = below(5) < 3;
        requirements.push_back({other, allowed});
      }
    }
  }
  if (below(3) == 0) problem.exclusive = {1, 2};
  return problem;
}

TEST(SolverTest, FindsWhatAnExhaustiveSearchFinds) {
  int solved = 0;
  for (uint32_t seed = 0; seed < 4000; ++seed) {
    TableProblem problem = RandomProblem(seed);
    const Selection expected = BruteForce(problem).Run();
    const absl::StatusOr<SolverResult> result = Solve(problem, 0);
    ASSERT_TRUE(result.ok()) << seed;
    EXPECT_EQ(result->selected, expected) << "seed " << seed;
    EXPECT_EQ(result->proof == nullptr, !expected.empty()) << "seed " << seed;
    solved += expected.empty() ? 0 : 1;
  }
  // Both answers must occur often, or the test says nothing.
  EXPECT_GT(solved, 500);
  EXPECT_LT(solved, 3500);
}

TEST(SolverTest, ChangesASharedPackageThatAnotherNeedsOlder) {
  TableProblem problem;
  problem.table = {
      {{{1, {true}}, {2, {true}}}}, {{{3, {true, true}}}}, {{{3, {false, true}}}}, {{}, {}}};
  const absl::StatusOr<SolverResult> result = Solve(problem, 0);
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result->selected, (Selection{{0, 0}, {1, 0}, {2, 0}, {3, 1}}));
}

TEST(SolverTest, JumpsOverPackagesThatHaveNoPartInAConflict) {
  // 20 packages of 20 candidates stand between two that exclude each other.
  TableProblem problem;
  const std::vector<bool> any(20, true);
  problem.table.resize(24);
  problem.table[0] = {{{1, any}}};
  std::vector<TestRequirement> fill = {{22, {true, false}}};
  for (PackageId package = 2; package < 22; ++package) fill.push_back({package, any});
  fill.push_back({23, {true}});
  for (int i = 0; i < 20; ++i) problem.table[1].push_back(fill);
  for (PackageId package = 2; package < 22; ++package) problem.table[package].resize(20);
  problem.table[22] = {{}, {}};
  problem.table[23] = {{{22, {false, true}}}};
  const absl::StatusOr<SolverResult> result = Solve(problem, 0);
  ASSERT_TRUE(result.ok());
  EXPECT_TRUE(result->selected.empty());
  EXPECT_LT(result->decisions, 2000);
}

TEST(SolverTest, GivesUpAtItsLimit) {
  TableProblem problem;
  problem.table = {{{{1, {true, true}}}}, {{}, {}}};
  EXPECT_TRUE(HasId(Solve(problem, 0, 1).status(), DiagnosticId::kSolveLimit));
}

}  // namespace
}  // namespace deps
