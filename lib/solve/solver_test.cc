#include "lib/solve/solver.h"

#include <algorithm>
#include <functional>
#include <set>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "lib/diag/diagnostic.h"
#include "lib/solve/solver_families.h"
#include "lib/solve/table_problem.h"

namespace deps {
namespace {

using Cause = Incompatibility::Cause;

CandidateSet SetOf(size_t candidates, const std::vector<size_t>& members) {
  CandidateSet set(candidates);
  for (const size_t member : members) set.Add(member);
  return set;
}

SolverResult MustSolve(Problem& problem) {
  absl::StatusOr<SolverResult> result = Solve(problem, 0);
  EXPECT_TRUE(result.ok()) << result.status();
  return result.ok() ? *std::move(result) : SolverResult();
}

TEST(SolverTest, LooksOnlyAtWhatTheSearchComesTo) {
  const Universe universe = Layered(100, 50, 4);
  UniverseProblem problem(universe);
  const SolverResult result = MustSolve(problem);
  EXPECT_TRUE(result.found);
  EXPECT_LE(problem.asked, 101);
}

TEST(SolverTest, FiveThousandVersionsThatAreBrokenAlikeAreOneStepOfTheProof) {
  const Universe universe = BrokenVersions(5'000);
  UniverseProblem problem(universe);
  const SolverResult result = MustSolve(problem);
  ASSERT_FALSE(result.found);
  ASSERT_EQ(result.proof.size(), 3U);
  // {all of them}, {the root, no version}, and so {the root}.
  std::set<size_t> sizes;
  for (const Incompatibility& step : result.proof) sizes.insert(step.terms[0].set.Count());
  EXPECT_EQ(sizes, (std::set<size_t>{1, 5'000}));
  EXPECT_EQ(result.decisions, 5'001);
}

TEST(SolverTest, DepthCostsNoStack) {
  const Universe universe = Chain(100'000);
  UniverseProblem problem(universe);
  const SolverResult result = MustSolve(problem);
  EXPECT_TRUE(result.found);
  EXPECT_EQ(result.selection, Selection(100'001, 0));
}

TEST(SolverTest, AProofMayBeDeep) {
  Universe universe;
  for (int package = 0; package < 50'000; ++package) {
    universe.AddPackage();
    universe.AddVersion({{package + 1, 0, 1}});
  }
  universe.AddPackage();  // Has no versions.
  UniverseProblem problem(universe);
  const SolverResult result = MustSolve(problem);
  ASSERT_FALSE(result.found);
  EXPECT_EQ(result.proof.size(), 99'999U);
  EXPECT_EQ(result.proof.back().terms, (std::vector<Term>{{0, SetOf(1, {0})}}));
}

TEST(SolverTest, JumpsOverPackagesThatHaveNoPartInAConflict) {
  // 20 packages of 20 candidates stand between two that exclude each other.
  Universe universe;
  universe.AddPackage();
  universe.AddVersion({{1, 0, 20}});
  universe.AddPackage();
  for (int version = 0; version < 20; ++version) {
    std::vector<Need> needs = {{22, 0, 1}};
    for (PackageId package = 2; package < 22; ++package) needs.push_back({package, 0, 20});
    needs.push_back({23, 0, 1});
    universe.AddVersion(needs);
  }
  for (PackageId package = 2; package < 22; ++package) {
    universe.AddPackage();
    for (int version = 0; version < 20; ++version) universe.AddVersion({});
  }
  universe.AddPackage();
  universe.AddVersion({});
  universe.AddVersion({});
  universe.AddPackage();
  universe.AddVersion({{22, 1, 2}});
  UniverseProblem problem(universe);
  const SolverResult result = MustSolve(problem);
  EXPECT_FALSE(result.found);
  EXPECT_LT(result.decisions, 100);
}

TEST(SolverTest, KeepsDecisionsThatDoNotDependOnTheOneToBlame) {
  // Each conflict is with a decision 1000 levels ago.
  const Universe universe = Pairs(1'000);
  UniverseProblem problem(universe);
  const SolverResult result = MustSolve(problem);
  Selection expected(2'001, 0);
  std::fill(expected.begin() + 1, expected.begin() + 1'001, 1);
  EXPECT_EQ(result.selection, expected);
  EXPECT_LT(result.decisions, 10'000);
}

// Packages and requirements by functions.
class Scripted : public Problem {
 public:
  std::vector<size_t> candidates;
  std::function<absl::StatusOr<std::vector<PackageRequirement>>(PackageId, size_t)> requirements;
  std::function<absl::StatusOr<bool>(int, size_t)> confirms = [](int, size_t) { return true; };
  std::function<absl::StatusOr<Exclusion>(const Selection&)> verify = [](const Selection&) {
    return Exclusion();
  };
  std::function<bool()> renew = [] { return false; };
  std::vector<std::pair<PackageId, size_t>> expected;

  absl::StatusOr<size_t> Candidates(PackageId package) override {
    if (candidates[package] == SIZE_MAX) {
      return MakeError({.id = DiagnosticId::kRegistryNotFound, .message = "no such registry"});
    }
    return candidates[package];
  }
  absl::StatusOr<std::vector<PackageRequirement>> Requirements(PackageId package,
                                                               size_t candidate) override {
    return requirements(package, candidate);
  }
  absl::StatusOr<bool> Confirms(int requirement, size_t candidate) override {
    return confirms(requirement, candidate);
  }
  absl::StatusOr<Exclusion> Verify(const Selection& selection) override {
    return verify(selection);
  }
  bool Renew() override { return renew(); }
  void Expect(PackageId package, size_t candidate) override {
    expected.push_back({package, candidate});
  }
};

using Requirements = std::vector<PackageRequirement>;

TEST(SolverTest, TellsWhichCandidatesAreExpectedOnceTheyAreKnown) {
  Scripted problem;
  problem.candidates = {1, 3, 2};
  problem.requirements = [](PackageId package, size_t) {
    return package == 0 ? Requirements{{1, SetOf(3, {1, 2})}, {2, SetOf(2, {0, 1})}}
                        : Requirements();
  };
  EXPECT_EQ(MustSolve(problem).selection, (Selection{0, 1, 0}));
  EXPECT_EQ(problem.expected, (std::vector<std::pair<PackageId, size_t>>{{0, 0}, {1, 1}, {2, 0}}));
}

TEST(SolverTest, LooksCloserOnlyAtWhatItIsAboutToSelect) {
  Scripted problem;
  problem.candidates = {1, 4};
  problem.requirements = [](PackageId package, size_t) {
    return package == 0 ? Requirements{{1, SetOf(4, {1, 2, 3}), 7, true}} : Requirements();
  };
  std::vector<std::pair<int, size_t>> asked;
  problem.confirms = [&](int requirement, size_t candidate) {
    asked.push_back({requirement, candidate});
    return candidate == 2;
  };
  EXPECT_EQ(MustSolve(problem).selection, (Selection{0, 2}));
  EXPECT_EQ(asked, (std::vector<std::pair<int, size_t>>{{7, 1}, {7, 2}}));
}

TEST(SolverTest, WhatIsNotConfirmedIsNotAllowed) {
  Scripted problem;
  problem.candidates = {1, 2};
  problem.requirements = [](PackageId package, size_t) {
    return package == 0 ? Requirements{{1, SetOf(2, {0, 1}), 7, true}} : Requirements();
  };
  problem.confirms = [](int, size_t) { return false; };
  const SolverResult result = MustSolve(problem);
  ASSERT_EQ(result.proof.size(), 1U);
  EXPECT_EQ(result.proof[0].cause, Cause::kRequires);
  EXPECT_EQ(result.proof[0].id, 7);
  EXPECT_EQ(result.proof[0].required, 1);
  EXPECT_EQ(result.proof[0].terms, (std::vector<Term>{{0, SetOf(1, {0})}}));
}

TEST(SolverTest, CandidatesThatRequireTheSameAreOneLeaf) {
  // The first two of package 1 require the same of package 2, the third more.
  Scripted problem;
  problem.candidates = {1, 3, 2};
  problem.requirements = [](PackageId package, size_t candidate) {
    if (package == 0) return Requirements{{1, SetOf(3, {0, 1, 2})}, {2, SetOf(2, {1})}};
    if (package == 1) return Requirements{{2, SetOf(2, {0}), candidate < 2 ? 5 : 6}};
    return Requirements();
  };
  const SolverResult result = MustSolve(problem);
  ASSERT_FALSE(result.found);
  std::set<std::pair<int, size_t>> leaves;  // Id, and how many candidates say so.
  for (const Incompatibility& step : result.proof) {
    if (step.cause == Cause::kRequires && step.terms[0].package == 1) {
      leaves.insert({step.id, step.terms[0].set.Count()});
    }
  }
  EXPECT_EQ(leaves, (std::set<std::pair<int, size_t>>{{5, 2}, {6, 1}}));
}

TEST(SolverTest, AnExclusionKeepsItsOrderAndItsId) {
  Scripted problem;
  problem.candidates = {1, 1, 1};
  problem.requirements = [](PackageId package, size_t) {
    return package == 0 ? Requirements{{1, SetOf(1, {0})}, {2, SetOf(1, {0})}} : Requirements();
  };
  const std::vector<Term> circle = {{2, SetOf(1, {0})}, {1, SetOf(1, {0})}};
  problem.verify = [&](const Selection&) { return Exclusion{circle, 9}; };
  const SolverResult result = MustSolve(problem);
  ASSERT_FALSE(result.found);
  std::vector<Term> leaf;
  for (const Incompatibility& step : result.proof) {
    if (step.cause == Cause::kExcludes && step.id == 9) leaf = step.terms;
  }
  EXPECT_EQ(leaf, circle);
}

TEST(SolverTest, StartsAgainWhereThatMightMatter) {
  // Package 1 gets a better candidate when the root has been asked.
  Scripted problem;
  problem.candidates = {1, 1};
  problem.requirements = [&](PackageId package, size_t) {
    const size_t count = problem.candidates[1];
    return package == 0 ? Requirements{{1, CandidateSet::Range(count, 0, count)}} : Requirements();
  };
  int renewed = 0;
  problem.renew = [&] {
    problem.candidates[1] = 3;
    return ++renewed == 1;
  };
  EXPECT_EQ(MustSolve(problem).selection, (Selection{0, 0}));
  EXPECT_EQ(renewed, 2);
}

TEST(SolverTest, ErrorsOfTheProblemEndTheSearch) {
  Scripted problem;
  problem.candidates = {1, SIZE_MAX};
  problem.requirements = [](PackageId, size_t) { return Requirements{{1, SetOf(1, {0})}}; };
  EXPECT_TRUE(HasId(Solve(problem, 0).status(), DiagnosticId::kRegistryNotFound));
}

TEST(SolverTest, GivesUpAtItsLimit) {
  const Universe universe = Pigeonhole(5);
  UniverseProblem problem(universe);
  EXPECT_TRUE(HasId(Solve(problem, 0, 20).status(), DiagnosticId::kSolveLimit));
}

}  // namespace
}  // namespace deps
