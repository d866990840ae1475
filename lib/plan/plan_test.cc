#include "lib/plan/plan.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "lib/diag/diagnostic.h"
#include "lib/model/installation.h"
#include "lib/plan/order.h"

namespace deps {
namespace {

Node NodeOf(const std::string& id, const std::string& alias) {
  return {.id = id, .paths = {id}, .alias = alias, .bundle = Bundle{.name = alias, .version = "1"}};
}

Edge Requires(const std::string& from, const std::string& to, const std::string& alias,
              Sharing sharing) {
  return {.from = from, .to = to, .alias = alias, .sharing = sharing};
}

constexpr Sharing::Mode kNone = Sharing::Mode::kNone;
constexpr Sharing::Mode kGroup = Sharing::Mode::kGroup;

Graph TwoDatabases() {
  Graph graph{.nodes = {NodeOf("root", "shop"), NodeOf("root/a", "a"), NodeOf("root/a/db", "db"),
                        NodeOf("root/b", "b"), NodeOf("root/b/db", "db")},
              .status = "solved"};
  graph.edges = {Requires("root", "root/a", "a", {kNone}), Requires("root", "root/b", "b", {kNone}),
                 Requires("root/a", "root/a/db", "db", {kGroup, "x"}),
                 Requires("root/b", "root/b/db", "db", {kGroup, "y"})};
  return graph;
}

std::vector<std::string> Names(const Plan& plan) {
  std::vector<std::string> names;
  for (const PlannedTask& task : plan.tasks) {
    names.push_back(task.id + "=" + task.installation.name.name);
  }
  return names;
}

std::string InputsOf(const PlannedTask& task) {
  return task.installation.labels.at("cnab-deps.inputs");
}

TEST(MakePlanTest, NoTwoTasksShareAnInstallation) {
  const absl::StatusOr<PlanResult> result = MakePlan(TwoDatabases(), {.name_space = "dev"});
  ASSERT_TRUE(result.ok() && result->plan);
  EXPECT_EQ(Names(*result->plan),
            (std::vector<std::string>{"root/a/db=db", "root/b/db=db-y", "root/a=shop-a",
                                      "root/b=shop-b", "root=shop"}));
}

TEST(MakePlanTest, LabelsSayToWhomAnInstallationBelongs) {
  const absl::StatusOr<PlanResult> result = MakePlan(TwoDatabases(), {.name_space = "dev"});
  ASSERT_TRUE(result.ok() && result->plan);
  using Labels = std::map<std::string, std::string>;
  EXPECT_EQ(result->plan->tasks[1].installation.labels,
            (Labels{{"cnab-deps.inputs", InputsOf(result->plan->tasks[1])},
                    {std::string(kParentInstallationLabel), "dev/shop-b"},
                    {std::string(kSharingGroupLabel), "y"}}));
  EXPECT_EQ(result->plan->tasks[2].installation.labels,
            (Labels{{"cnab-deps.inputs", InputsOf(result->plan->tasks[2])},
                    {"cnab-deps.uses.db", "dev/db"},
                    {std::string(kParentInstallationLabel), "dev/shop"}}));
}

TEST(MakePlanTest, AnOutputIsFoundByItsWellKnownIdentifier) {
  Graph graph = TwoDatabases();
  graph.nodes[2].bundle.Edit([](Bundle& db) { db.outputs["url"] = {.id = "urn:connstr"}; });
  graph.nodes[1].bundle.Edit([](Bundle& a) {
    a.parameters["db"] = {};
    a.outputs["promoted"] = {};
  });
  graph.edges[2].interface =
      JsonText{R"({"document":{"outputs":{"connstr":{"$id":"urn:connstr"}}}})"};
  graph.edges[2].outputs["promoted"] = "${outputs.connstr}";
  graph.edges[1].parameters["from-a"] = "${bundle.dependencies.a.outputs.promoted}";
  graph.nodes[3].bundle.Edit([](Bundle& b) { b.parameters["from-a"] = {}; });
  const absl::StatusOr<PlanResult> result = MakePlan(std::move(graph), {});
  ASSERT_TRUE(result.ok() && result->plan);
  const PlannedTask& b = result->plan->tasks[3];
  ASSERT_EQ(b.id, "root/b");
  EXPECT_EQ(b.parameters.at("from-a"),
            (ValueSource{.kind = ValueSource::Kind::kOutput, .item = {"root/a/db", "url"}}));
  EXPECT_EQ(b.needs, (std::vector<std::string>{"root/a/db", "root/b/db"}));
  EXPECT_EQ(result->plan->tasks[2].outputs.count("promoted"), 0U) << "not root/a's to write";
}

TEST(MakePlanTest, ParametersThatReadEachOtherAreACircle) {
  Graph graph = TwoDatabases();
  graph.edges.push_back({.kind = Edge::Kind::kWiring,
                         .from = "root/a",
                         .to = "root/b",
                         .field = "parameters",
                         .name = "x",
                         .output = "y"});
  graph.edges.push_back({.kind = Edge::Kind::kWiring,
                         .from = "root/b",
                         .to = "root/a",
                         .field = "parameters",
                         .name = "x",
                         .output = "y"});
  const absl::Status status = MakePlan(std::move(graph), {}).status();
  ASSERT_TRUE(HasId(status, DiagnosticId::kGraphCycle));
  EXPECT_EQ(DiagnosticsOf(status)[0].message,
            "tasks wait for each other: root/a -> root/b -> root/a");
}

TEST(MakePlanTest, ANodeThatNothingRequiresHasNoName) {
  Graph graph = TwoDatabases();
  graph.nodes.push_back({.id = "root/z", .paths = {"root/z"}, .bundle = graph.nodes[1].bundle});
  const absl::Status status = MakePlan(std::move(graph), {}).status();
  ASSERT_TRUE(HasId(status, DiagnosticId::kPlanUnsolved));
  EXPECT_EQ(DiagnosticsOf(status)[0].message, "root/z is required by nothing");
}

// Each has a parameter of the root and an output of the one before, and wants a
// credential that nobody gives.
Graph ManyNodes(int count, bool needs_credential) {
  Graph graph{.nodes = {NodeOf("root", "shop")}, .status = "solved"};
  graph.nodes[0].bundle.Edit([](Bundle& bundle) {
    bundle.parameters["level"] = {.type = "string", .default_value = JsonText{"\"info\""}};
  });
  for (int i = 0; i < count; ++i) {
    const std::string alias = absl::StrCat("n", absl::Dec(i, absl::kZeroPad6));
    Bundle bundle{.name = alias, .version = "1"};
    bundle.parameters["level"] = {.type = "string"};
    bundle.parameters["other"] = {.type = "string"};
    bundle.credentials["token"] = {.required = needs_credential};
    bundle.outputs["url"] = {.type = "string", .path = "/cnab/app/outputs/url"};
    Edge edge = Requires("root", "root/" + alias, alias, {kNone});
    edge.parameters["level"] = "${bundle.parameters.level}";
    if (i > 0) {
      edge.parameters["other"] =
          absl::StrCat("${bundle.dependencies.", graph.nodes.back().alias, ".outputs.url}");
    }
    graph.nodes.push_back(
        {.id = edge.to, .paths = {edge.to}, .alias = alias, .bundle = std::move(bundle)});
    graph.edges.push_back(std::move(edge));
  }
  return graph;
}

TEST(MakePlanTest, ALargePlanIsInOrderWhoeverMakesIt) {
  constexpr int kCount = 5000;
  const Graph graph = ManyNodes(kCount, false);
  const absl::StatusOr<PlanResult> result = MakePlan(Graph(graph), {});
  ASSERT_TRUE(result.ok() && result->plan);
  const Plan& plan = *result->plan;
  ASSERT_EQ(plan.tasks.size(), size_t{kCount + 1});
  ASSERT_EQ(plan.unmapped_credentials.size(), size_t{kCount});
  ASSERT_EQ(plan.unmapped_parameters.size(), size_t{1});
  for (size_t i = 0; i < kCount; ++i) {
    const PlannedTask& task = plan.tasks[i];
    EXPECT_EQ(task.id, graph.nodes[i + 1].id);
    EXPECT_EQ(task.stage, static_cast<int64_t>(i));
    EXPECT_EQ(task.bundle, *graph.nodes[i + 1].bundle);
    EXPECT_EQ(plan.unmapped_credentials[i].task, task.id);
    EXPECT_EQ(task.parameters.at("level"),
              (ValueSource{.kind = ValueSource::Kind::kParameter, .item = {"root", "level"}}));
    if (i == 0) continue;
    EXPECT_EQ(task.needs, std::vector<std::string>{graph.nodes[i].id});
    EXPECT_EQ(task.parameters.at("other"), (ValueSource{.kind = ValueSource::Kind::kOutput,
                                                        .item = {graph.nodes[i].id, "url"}}));
  }
  EXPECT_EQ(plan.digest, PlanDigest(plan));
}

TEST(MakePlanTest, WhatALargePlanLacksIsToldInOrder) {
  constexpr size_t kCount = 5000;
  const absl::StatusOr<PlanResult> result = MakePlan(ManyNodes(kCount, true), {});
  ASSERT_TRUE(result.ok());
  EXPECT_FALSE(result->plan);
  ASSERT_EQ(result->missing.size(), kCount);
  for (size_t i = 0; i < kCount; ++i) {
    EXPECT_EQ(result->missing[i].location.pointer,
              absl::StrCat("/nodes/", i + 1, "/bundle/credentials/token"));
  }
}

TEST(MakePlanTest, OfSeveralMistakesThatOfTheFirstNodeIsTold) {
  Graph graph = ManyNodes(5000, false);
  for (const size_t i : {1234, 4321}) graph.edges[i].parameters["level"] = "${nothing}";
  const absl::Status status = MakePlan(std::move(graph), {}).status();
  ASSERT_TRUE(HasId(status, DiagnosticId::kTemplateInvalid));
  EXPECT_EQ(DiagnosticsOf(status)[0].message.substr(0, 18), "root/n001234#level");
}

TEST(StagesOfTest, AStageIsOneMoreThanTheHighestNeed) {
  const auto stages = StagesOf({{}, {0}, {0, 1, 1}, {}}, [](size_t) { return ""; });
  ASSERT_TRUE(stages.ok());
  EXPECT_EQ(*stages, (std::vector<int64_t>{0, 1, 2, 0}));
}

}  // namespace
}  // namespace deps
