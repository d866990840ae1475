// Thousands of small problems against an exhaustive search.
#include <map>
#include <ostream>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "lib/solve/solver.h"
#include "lib/solve/table_problem.h"

namespace deps {
namespace {

struct Shape {
  uint32_t packages = 8;
  uint32_t candidates = 4;
  uint32_t requirements = 4;  // Below it.
  uint32_t allowed = 60;      // Percent.
  uint32_t provisional = 0;   // Percent of the requirements.
  uint32_t exclusions = 0;    // Below it.
  uint32_t hidden = 0;        // Percent of the candidates.
  uint32_t roots = 100;       // Percent of the packages (FarApart).
};

TableProblem RandomProblem(uint32_t seed, const Shape& shape) {
  std::mt19937 random(seed);
  const auto below = [&](uint32_t bound) { return bound == 0 ? 0 : random() % bound; };
  const auto percent = [&](uint32_t share) { return below(100) < share; };
  TableProblem problem;
  const uint32_t packages = 3 + below(shape.packages - 2);
  problem.table.resize(packages);
  for (uint32_t package = 0; package < packages; ++package) {
    problem.table[package].resize(package == 0     ? 1
                                  : below(12) == 0 ? 0
                                                   : 1 + below(shape.candidates));
  }
  for (uint32_t package = 0; package < packages; ++package) {
    for (TableCandidate& candidate : problem.table[package]) {
      const uint32_t count = package == 0 ? 1 + below(3) : below(shape.requirements);
      for (uint32_t i = 0; i < count; ++i) {
        TableRequirement requirement{.package = static_cast<PackageId>(1 + below(packages - 1))};
        const size_t rows = problem.table[requirement.package].size();
        for (size_t row = 0; row < rows; ++row) {
          requirement.allowed.push_back(percent(shape.allowed));
        }
        if (percent(shape.provisional)) {
          for (size_t row = 0; row < rows; ++row) requirement.confirmed.push_back(percent(60));
        }
        candidate.requirements.push_back(std::move(requirement));
      }
      candidate.hidden = package != 0 && percent(shape.hidden);
      if (shape.hidden == 0 || !percent(50)) continue;
      const PackageId other = static_cast<PackageId>(1 + below(packages - 1));
      if (!problem.table[other].empty()) {
        candidate.reveals.push_back({other, below(problem.table[other].size())});
      }
    }
  }
  for (uint32_t i = below(shape.exclusions); i > 0; --i) {
    std::map<PackageId, int> exclusion;
    for (uint32_t term = 0; term < 3; ++term) {
      const PackageId package = static_cast<PackageId>(1 + below(packages - 1));
      exclusion[package] = static_cast<int>(below(3)) - 1;
    }
    problem.exclusions.push_back(std::move(exclusion));
  }
  return problem;
}

// Packages that the root requires mostly, in their order; the later ones are against
// the best candidates of the earlier ones, so that decisions long ago are to
// blame, of which what came in between depends or not.
TableProblem FarApart(uint32_t seed, const Shape& shape) {
  std::mt19937 random(seed);
  const auto below = [&](uint32_t bound) { return random() % bound; };
  const auto percent = [&](uint32_t share) { return below(100) < share; };
  TableProblem problem;
  const uint32_t packages = 6 + below(shape.packages - 5);
  problem.table.resize(packages);
  problem.table[0].resize(1);
  for (uint32_t package = 1; package < packages; ++package) {
    problem.table[package].resize(1 + below(shape.candidates));
  }
  const auto some = [&](uint32_t package, uint32_t share) {
    TableRequirement requirement{.package = static_cast<PackageId>(package)};
    for (size_t row = 0; row < problem.table[package].size(); ++row) {
      requirement.allowed.push_back(percent(share));
      if (shape.provisional > 0) requirement.confirmed.push_back(percent(100 - shape.provisional));
    }
    return requirement;
  };
  const auto earlier = [&](uint32_t package) { return some(1 + below(package / 2 + 1), 50); };
  for (uint32_t package = 1; package < packages; ++package) {
    if (shape.roots == 100 || percent(shape.roots)) {
      problem.table[0][0].requirements.push_back(some(package, 100));
    }
    const TableRequirement shared = earlier(package);
    for (TableCandidate& candidate : problem.table[package]) {
      if (percent(60)) candidate.requirements.push_back(percent(75) ? shared : earlier(package));
      if (percent(25)) candidate.requirements.push_back(some(1 + below(packages - 1), 75));
    }
  }
  for (uint32_t i = shape.exclusions; i > 0; --i) {
    std::map<PackageId, int> exclusion;
    for (uint32_t term = 0; term < 3; ++term) {
      exclusion[static_cast<PackageId>(1 + below(packages - 1))] = static_cast<int>(below(2));
    }
    problem.exclusions.push_back(std::move(exclusion));
  }
  return problem;
}

struct RandomCase {
  const char* name;
  int problems;
  Shape shape;
  TableProblem (*make)(uint32_t seed, const Shape& shape) = RandomProblem;
};

void PrintTo(const RandomCase& random, std::ostream* out) { *out << random.name; }

class SolverRandomTest : public testing::TestWithParam<RandomCase> {};

// The exhaustive search goes in the same order, so its first solution is the
// one that the header promises. A proof is looked at step by step.
TEST_P(SolverRandomTest, AgreesWithAnExhaustiveSearch) {
  int solved = 0;
  for (int seed = 0; seed < GetParam().problems; ++seed) {
    TableProblem problem = GetParam().make(static_cast<uint32_t>(seed), GetParam().shape);
    const absl::StatusOr<SolverResult> result = Solve(problem, 0);
    ASSERT_TRUE(result.ok()) << result.status();
    const Selection expected = problem.FirstSolution();
    ASSERT_EQ(result->found, !expected.empty()) << "seed " << seed;
    ASSERT_EQ(result->selection, expected) << "seed " << seed;
    if (!result->found) {
      ASSERT_EQ(problem.DefectOf(result->proof), "") << "seed " << seed;
    }
    solved += result->found ? 1 : 0;
  }
  // Both answers must occur often, or the test says nothing.
  EXPECT_GT(solved, GetParam().problems / 10);
  EXPECT_LT(solved, GetParam().problems * 9 / 10);
}

TEST_P(SolverRandomTest, GivesTheSameAnswerAgain) {
  for (uint32_t seed = 0; seed < 200; ++seed) {
    TableProblem first = GetParam().make(seed, GetParam().shape);
    TableProblem second = GetParam().make(seed, GetParam().shape);
    const absl::StatusOr<SolverResult> one = Solve(first, 0);
    const absl::StatusOr<SolverResult> other = Solve(second, 0);
    ASSERT_TRUE(one.ok() && other.ok());
    EXPECT_EQ(one->selection, other->selection);
    EXPECT_EQ(one->decisions, other->decisions);
    EXPECT_EQ(one->proof.size(), other->proof.size());
    EXPECT_EQ(first.asked, second.asked);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Shapes, SolverRandomTest,
    testing::Values(
        RandomCase{"plain", 4000, {}},
        RandomCase{
            "crowded", 2000, {.packages = 7, .candidates = 6, .requirements = 6, .allowed = 65}},
        RandomCase{"provisional", 3000, {.allowed = 75, .provisional = 50}},
        RandomCase{"excluding", 3000, {.allowed = 70, .exclusions = 5}},
        RandomCase{"growing", 3000, {.allowed = 70, .hidden = 30}},
        RandomCase{
            "everything",
            3000,
            {.packages = 9, .allowed = 80, .provisional = 30, .exclusions = 4, .hidden = 20}},
        RandomCase{"far_apart", 5000, {.packages = 12, .roots = 70}, FarApart},
        RandomCase{"far_apart_excluding",
                   10000,
                   {.packages = 11, .provisional = 5, .exclusions = 4},
                   FarApart}),
    [](const auto& tested) { return std::string(tested.param.name); });

}  // namespace
}  // namespace deps
