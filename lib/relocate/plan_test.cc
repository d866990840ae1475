#include "lib/relocate/plan.h"

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "lib/diag/diagnostic.h"
#include "lib/relocate/family_for_tests.h"

namespace deps {
namespace {

// app needs web and db, web needs db: a diamond of three levels.
FamilyMaker Diamond() {
  FamilyMaker maker;
  const std::string db = maker.Add("a.com/x/db", "1.0.0");
  const std::string web =
      maker.Add("a.com/web", "2.0.0", {{"db", "a.com/x/db:v1.0.0"}}, {{"db", db}});
  maker.Add("a.com/app", "3.0.0", {{"db", "a.com/x/db:v1.0.0"}, {"web", "a.com/web:v2.0.0"}},
            {{"db", db}, {"web", web}});
  return maker;
}

std::vector<std::string> Targets(const RelocationPlan& plan) {
  std::vector<std::string> targets;
  for (const PlannedBundle& bundle : plan.bundles) targets.push_back(bundle.target.Familiar());
  return targets;
}

TEST(PlanTest, ALeafKeepsItsDigestAndWhatNeedsItDoesNot) {
  const FamilyMaker maker = Diamond();
  const absl::StatusOr<RelocationPlan> plan =
      PlanRelocation(maker.family, {.registry = "localhost:5000"});
  ASSERT_TRUE(plan.ok()) << plan.status();
  const std::vector<FamilyMember>& members = maker.family.members;
  EXPECT_EQ(plan->bundles[0].index, members[0].index);
  EXPECT_EQ(plan->bundles[0].config, members[0].bundle_json);
  EXPECT_NE(plan->bundles[1].index.digest, members[1].index.digest);
  EXPECT_NE(plan->bundles[2].index.digest, members[2].index.digest);
  EXPECT_TRUE(
      absl::StrContains(plan->bundles[2].config,
                        absl::StrCat("\"requires\":{\"db\":{\"bundle\":\"", members[0].Source(),
                                     "\"},\"web\":{\"bundle\":\"", members[1].Source(), "\"}}")));
}

TEST(PlanTest, TheMappingKnowsDigestsReferencesAndImages) {
  const FamilyMaker maker = Diamond();
  const RelocationPlan plan = *PlanRelocation(maker.family, {.registry = "localhost:5000"});
  RelocationMapping expected;
  for (size_t i = 0; i < 3; ++i) {
    const FamilyMember& member = maker.family.members[i];
    const std::string repository = "localhost:5000/" + member.name;
    const std::string target = repository + "@" + plan.bundles[i].index.digest;
    expected[member.Source()] = target;
    expected[member.references.front()] = target;
    expected[member.images.front().reference] = repository + "@" + member.images.front().digest;
  }
  EXPECT_EQ(plan.mapping, expected);
}

TEST(PlanTest, RequirementsThatAreDigestsAlreadyChangeNothing) {
  FamilyMaker maker;
  const std::string db = maker.Add("a.com/db", "1.0.0");
  maker.Add("a.com/app", "1.0.0", {{"db", db}}, {{"db", db}});
  const RelocationPlan plan = *PlanRelocation(maker.family, {.registry = "localhost:5000"});
  EXPECT_EQ(plan.bundles[1].index, maker.family.members[1].index);
}

TEST(PlanTest, TargetsAreNamedByRegistryReferenceAndPath) {
  struct Row {
    TargetOptions options;
    std::vector<std::string> targets;
  };
  const std::vector<Row> rows = {
      {{.registry = "localhost:5000"},
       {"localhost:5000/db:v1.0.0", "localhost:5000/web:v2.0.0", "localhost:5000/app:v3.0.0"}},
      {{.registry = "r.io/my/team/"},
       {"r.io/my/team/db:v1.0.0", "r.io/my/team/web:v2.0.0", "r.io/my/team/app:v3.0.0"}},
      {{.registry = "r.io", .keep_path = true},
       {"r.io/x/db:v1.0.0", "r.io/web:v2.0.0", "r.io/app:v3.0.0"}},
      {{.reference = "r.io/n/shop:stable"},
       {"r.io/n/db:v1.0.0", "r.io/n/web:v2.0.0", "r.io/n/shop:stable"}},
      {{.reference = "r.io/shop"}, {"r.io/db:v1.0.0", "r.io/web:v2.0.0", "r.io/shop:v3.0.0"}},
      {{.registry = "docker.io/me"}, {"me/db:v1.0.0", "me/web:v2.0.0", "me/app:v3.0.0"}},
  };
  const FamilyMaker maker = Diamond();
  for (const Row& row : rows) {
    const absl::StatusOr<RelocationPlan> plan = PlanRelocation(maker.family, row.options);
    ASSERT_TRUE(plan.ok()) << plan.status();
    EXPECT_EQ(Targets(*plan), row.targets);
  }
}

TEST(PlanTest, TheTagIsTheVersionsWhereNoneNamedTheBundle) {
  FamilyMaker maker;
  maker.Add("a.com/app", "1.0.0");
  maker.family.members[0].tag = "";
  maker.family.members[0].version = "1.0.0+build.1";
  EXPECT_EQ(Targets(*PlanRelocation(maker.family, {.registry = "r.io"})).front(),
            "r.io/app:v1.0.0_build.1");
}

TEST(PlanTest, TheRootIsNamedLikeTheBundleIfThatCanBeAName) {
  FamilyMaker maker;
  maker.Add("a.com/app", "1.0.0");
  maker.family.members[0].name = "other";
  EXPECT_EQ(Targets(*PlanRelocation(maker.family, {.registry = "r.io"})).front(),
            "r.io/other:v1.0.0");
  EXPECT_EQ(
      Targets(*PlanRelocation(maker.family, {.registry = "r.io", .root_by_name = false})).front(),
      "r.io/app:v1.0.0");
  maker.family.members[0].name = "My App";
  EXPECT_EQ(Targets(*PlanRelocation(maker.family, {.registry = "r.io"})).front(),
            "r.io/app:v1.0.0");
}

TEST(PlanTest, WhatWouldGetTheSameNameIsRefused) {
  FamilyMaker maker;
  const std::string x = maker.Add("a.com/x/db", "1.0.0");
  const std::string y = maker.Add("b.com/y/db", "1.0.0", {{"x", "a.com/x/db:v1.0.0"}}, {{"x", x}});
  maker.Add("a.com/app", "1.0.0", {{"y", "b.com/y/db:v1.0.0"}}, {{"y", y}});
  const absl::StatusOr<RelocationPlan> plan = PlanRelocation(maker.family, {.registry = "r.io"});
  ASSERT_TRUE(HasId(plan.status(), DiagnosticId::kRelocateCollision)) << plan.status();
  EXPECT_EQ(DiagnosticsOf(plan.status()).front().message,
            x + " and " + y + " would both become r.io/db:v1.0.0");
  EXPECT_EQ(DiagnosticsOf(plan.status()).front().hint, "--keep-path keeps the whole path of each");
  EXPECT_TRUE(PlanRelocation(maker.family, {.registry = "r.io", .keep_path = true}).ok());
}

TEST(PlanTest, TheWayOutOfACollisionIsNamed) {
  FamilyMaker maker;
  const std::string x = maker.Add("a.com/db", "1.0.0");
  const std::string y = maker.Add("b.com/db", "1.0.0", {{"x", "a.com/db:v1.0.0"}}, {{"x", x}});
  maker.Add("a.com/app", "1.0.0", {{"y", "b.com/db:v1.0.0"}}, {{"y", y}});
  const auto hint = [&](const TargetOptions& options) {
    return DiagnosticsOf(PlanRelocation(maker.family, options).status()).front().hint;
  };
  EXPECT_EQ(hint({.reference = "r.io/app:v1"}), "--keep-path keeps the whole path of each");
  EXPECT_EQ(hint({.registry = "r.io", .keep_path = true}),
            "only their hosts differ: one must have another repository");
  maker.family.members.erase(maker.family.members.begin());
  EXPECT_EQ(hint({.reference = "r.io/db:v1.0.0"}), "give the root another name with --reference");
}

TEST(PlanTest, MalformedTargetsAreRefused) {
  FamilyMaker maker;
  maker.Add("a.com/app", "1.0.0");
  for (const std::string registry : {"", "team", "team/sub", "r.io/UP", "r.io:x", "https://r.io"}) {
    EXPECT_TRUE(HasId(PlanRelocation(maker.family, {.registry = registry}).status(),
                      DiagnosticId::kReferenceInvalid))
        << registry;
  }
  EXPECT_FALSE(PlanRelocation(maker.family, {.reference = maker.family.members[0].Source()}).ok());
  maker.family.members[0].tag = "";
  maker.family.members[0].version = "";
  EXPECT_FALSE(PlanRelocation(maker.family, {.registry = "r.io"}).ok());
}

}  // namespace
}  // namespace deps
