#include "lib/relocate/collect.h"

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "lib/archive/archive.h"
#include "lib/diag/diagnostic.h"
#include "lib/model/graph.h"
#include "lib/oci/testing_registry.h"
#include "lib/relocate/family_for_tests.h"
#include "lib/relocate/layout.h"
#include "lib/relocate/plan.h"
#include "lib/relocate/publish.h"
#include "lib/relocate/verify.h"

namespace deps {
namespace {

class CollectTest : public testing::Test {
 protected:
  // Publishes what `maker` holds as it is.
  void Push(const FamilyMaker& maker) {
    const absl::StatusOr<RelocationPlan> plan = PlanRelocation(maker.family, {.registry = host_});
    ASSERT_TRUE(plan.ok()) << plan.status();
    const absl::StatusOr<Relocation> pushed = Publish(maker.family, *plan, *registry_, {});
    ASSERT_TRUE(pushed.ok()) << pushed.status();
  }
  static std::vector<std::string> Sources(const Family& family) {
    std::vector<std::string> sources;
    for (const FamilyMember& member : family.members) sources.push_back(member.Source());
    return sources;
  }
  Node NodeFor(const std::string& id, const FamilyMember& member) {
    return {.id = id,
            .resolution = Resolution{.kind = "bundle",
                                     .by = "range",
                                     .reference = member.Source(),
                                     .tag = member.tag,
                                     .digest = member.index.digest}};
  }
  static Edge Requires(const std::string& from, const std::string& to, const std::string& alias) {
    return {.from = from, .to = to, .alias = alias};
  }

  TestingRegistry server_;
  const std::string host_ = server_.host();
  std::unique_ptr<Registry> registry_ = server_.Client();
};

TEST_F(CollectTest, WithoutDependenciesTheRootIsAlone) {
  FamilyMaker maker;
  maker.Add(host_ + "/app", "1.0.0", {{"db", host_ + "/none:v1"}});
  Push(maker);
  const absl::StatusOr<Family> family =
      CollectFromReference(host_ + "/app:v1.0.0", *registry_, {.dependencies = false});
  ASSERT_TRUE(family.ok()) << family.status();
  EXPECT_EQ(family->members.size(), 1u);
  EXPECT_TRUE(HasId(CollectFromReference(host_ + "/app:v1.0.0", *registry_, {}).status(),
                    DiagnosticId::kRegistryNotFound));
}

TEST_F(CollectTest, CirclesAreTold) {
  FamilyMaker maker;
  maker.Add(host_ + "/a", "1.0.0", {{"b", host_ + "/b:v1.0.0"}});
  maker.Add(host_ + "/b", "1.0.0", {{"a", host_ + "/a:v1.0.0"}});
  Push(maker);
  const absl::Status circle = CollectFromReference(host_ + "/a:v1.0.0", *registry_, {}).status();
  EXPECT_TRUE(HasId(circle, DiagnosticId::kGraphCycle));
  EXPECT_TRUE(absl::EndsWith(
      DiagnosticsOf(circle).front().message,
      absl::StrCat(host_, "/a:v1.0.0 -> ", host_, "/b:v1.0.0 -> ", host_, "/a:v1.0.0")));
}

TEST_F(CollectTest, ASolutionsDigestsAreTakenAndInstallationsLeftOut) {
  FamilyMaker maker;
  maker.Add(host_ + "/db", "1.0.0");
  maker.Add(host_ + "/db", "2.0.0");
  maker.Add(host_ + "/app", "1.0.0",
            {{"db", host_ + "/db:v1.0.0"}, {"mail", host_ + "/mail:v1.0.0"}});
  Push(maker);
  const std::vector<FamilyMember>& members = maker.family.members;
  Graph solution = {.status = "solved"};
  solution.nodes = {{.id = "root", .reference = host_ + "/app:v1.0.0"},
                    NodeFor("root/db", members[1]),
                    {.id = "root/mail", .resolution = Resolution{.kind = "installation"}}};
  solution.edges = {Requires("root", "root/db", "db"), Requires("root", "root/mail", "mail")};
  const absl::StatusOr<Family> family = CollectFromSolution(solution, *registry_, {});
  ASSERT_TRUE(family.ok()) << family.status();
  EXPECT_EQ(Sources(*family), (std::vector<std::string>{members[1].Source(), members[2].Source()}));
  EXPECT_EQ(family->members[1].requirements,
            (std::map<std::string, std::string>{{"db", members[1].Source()}}));
  EXPECT_EQ(family->members[0].references,
            (std::vector<std::string>{host_ + "/db:v1.0.0", host_ + "/db:v2.0.0"}));
  EXPECT_EQ(family->notes.size(), 1u);

  solution.nodes[0].bundle = Bundle{.digest = members[0].index.digest};
  EXPECT_TRUE(
      HasId(CollectFromSolution(solution, *registry_, {}).status(), DiagnosticId::kDigestMismatch));
  solution.status = "unsatisfiable";
  EXPECT_TRUE(
      HasId(CollectFromSolution(solution, *registry_, {}).status(), DiagnosticId::kPlanUnsolved));
}

TEST_F(CollectTest, OneBundleCannotBeRewrittenInTwoWays) {
  FamilyMaker maker;
  maker.Add(host_ + "/db", "1.0.0");
  maker.Add(host_ + "/db", "2.0.0");
  maker.Add(host_ + "/web", "1.0.0", {{"db", host_ + "/db"}});
  maker.Add(host_ + "/app", "1.0.0", {{"a", host_ + "/web"}, {"b", host_ + "/web"}});
  Push(maker);
  const std::vector<FamilyMember>& members = maker.family.members;
  Graph solution = {.status = "solved"};
  solution.nodes = {{.id = "root", .reference = host_ + "/app:v1.0.0"},
                    NodeFor("root/a", members[2]),
                    NodeFor("root/a/db", members[0]),
                    NodeFor("root/b", members[2]),
                    NodeFor("root/b/db", members[1])};
  solution.edges = {Requires("root", "root/a", "a"), Requires("root", "root/b", "b"),
                    Requires("root/a", "root/a/db", "db"), Requires("root/b", "root/b/db", "db")};
  EXPECT_TRUE(HasId(CollectFromSolution(solution, *registry_, {}).status(),
                    DiagnosticId::kRelocateCollision));
}

TEST_F(CollectTest, OfManyPlatformsOneIsTaken) {
  FamilyMaker maker;
  maker.platforms = {"linux/amd64", "linux/arm64/v8"};
  const std::string db = maker.Add(host_ + "/db", "1.0.0");
  maker.platforms = {};
  maker.Add(host_ + "/app", "1.0.0", {{"db", host_ + "/db:v1.0.0"}});
  Push(maker);
  const std::string app = host_ + "/app:v1.0.0";
  const absl::StatusOr<Family> all = CollectFromReference(app, *registry_, {});
  const absl::StatusOr<Family> one =
      CollectFromReference(app, *registry_, {.platform = "linux/arm64"});
  ASSERT_TRUE(all.ok() && one.ok()) << all.status() << one.status();
  EXPECT_EQ(all->members[0].index, maker.family.members[0].index);
  EXPECT_EQ(Sources(*one), Sources(*all));
  EXPECT_NE(one->members[0].index, all->members[0].index);
  EXPECT_EQ(one->members[1].index, all->members[1].index);
  EXPECT_EQ(one->blobs.size() + 3, all->blobs.size());
  EXPECT_TRUE(CheckFamily(*one).ok());
  const RelocationPlan plan = *PlanRelocation(*one, {.registry = "r.io"});
  EXPECT_EQ(plan.mapping.at(db), "r.io/db@" + one->members[0].index.digest);
  OpenedArchive archive;
  archive.content = ArchiveOf(*one);
  const absl::StatusOr<Family> again = FamilyOf(std::move(archive), "a.tgz");
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(PlanRelocation(*again, {.registry = "r.io"})->mapping, plan.mapping);

  const absl::Status none =
      CollectFromReference(app, *registry_, {.platform = "windows/amd64"}).status();
  EXPECT_TRUE(HasId(none, DiagnosticId::kBundleInvalid)) << none;
}

}  // namespace
}  // namespace deps
