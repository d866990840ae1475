#include "lib/engine/residual.h"

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "gtest/gtest.h"
#include "lib/diag/diagnostic.h"
#include "lib/model/plan.h"

namespace deps {
namespace {

using Kind = ValueSource::Kind;

ValueSource OutputOf(std::string task, std::string name) {
  return {.kind = Kind::kOutput, .item = {std::move(task), std::move(name)}};
}

ValueSource Secret(std::string reference) {
  return {.kind = Kind::kSecret, .text = std::move(reference)};
}

// root needs root/app, which needs root/db.
Plan Chain() {
  Plan plan = {.action = "install", .installation = {.name_space = "", .name = "shop"}};
  PlannedTask db = {.id = "root/db", .action = "install"};
  db.bundle.parameters["port"] = {.type = "integer", .default_value = JsonText{"5432"}};
  db.parameters["size"] = {.value = {"3"}};
  db.credentials["admin"] = Secret("file:/run/admin");
  PlannedTask app = {.id = "root/app", .action = "install", .needs = {"root/db"}, .stage = 1};
  app.parameters["host"] = OutputOf("root/db", "host");
  app.parameters["absent"] = OutputOf("root/db", "nothing");
  app.parameters["size"] = {.kind = Kind::kParameter, .item = {"root/db", "size"}};
  app.parameters["port"] = {.kind = Kind::kParameter, .item = {"root/db", "port"}};
  app.parameters["url"] = {
      .kind = Kind::kTemplate,
      .text = "http://${host}/${gone}",
      .inputs = {{"host", OutputOf("root/db", "host")}, {"gone", OutputOf("root/db", "nothing")}}};
  app.credentials["admin"] = {.kind = Kind::kCredential, .item = {"root/db", "admin"}};
  app.credentials["password"] = OutputOf("root/db", "password");
  PlannedTask root = {.id = "root", .action = "install", .needs = {"root/app"}, .stage = 2};
  root.parameters["from"] = OutputOf("root/app", "said");
  plan.tasks = {db, app, root};
  plan.stages = {{"root/db"}, {"root/app"}, {"root"}};
  plan.outputs["endpoint"] = OutputOf("root/app", "said");
  plan.digest = PlanDigest(plan);
  return plan;
}

TEST(ResidualPlan, ATaskKeepsTheBundlesOfItsOwnDependencies) {
  Plan plan = Chain();
  plan.tasks[1].bundle.name = "application";
  plan.tasks[2].installation.name.name = "shop";
  const std::map<std::string, KnownOutputs> done = {{"root/db", {}}, {"root/app", {}}};
  const absl::StatusOr<Plan> residual = ResidualPlan(plan, done);
  ASSERT_TRUE(residual.ok()) << residual.status();
  ASSERT_EQ(residual->tasks.size(), 1U);
  EXPECT_EQ(residual->tasks[0].dependencies,
            (std::map<std::string, Bundle>{{"app", plan.tasks[1].bundle}}));
  const absl::StatusOr<Plan> read = ParsePlan({"residual", FormatPlan(*residual)});
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(*read, *residual);
}

TEST(ResidualPlan, WhatIsDoneIsAValueOrAReference) {
  const std::map<std::string, KnownOutputs> done = {
      {"root/db", {{"host", {.value = {"\"db.local\""}}}, {"password", Secret("vault:kv/p")}}}};
  const absl::StatusOr<Plan> residual = ResidualPlan(Chain(), done);
  ASSERT_TRUE(residual.ok()) << residual.status();
  ASSERT_EQ(residual->tasks.size(), 2U);
  const PlannedTask& app = residual->tasks[0];
  EXPECT_EQ(app.id, "root/app");
  EXPECT_TRUE(app.needs.empty());
  EXPECT_EQ(app.stage, 0);
  const std::map<std::string, ValueSource> parameters = {
      {"host", {.value = {"\"db.local\""}}},
      {"port", {.value = {"5432"}}},
      {"size", {.value = {"3"}}},
      {"url",
       {.kind = Kind::kTemplate,
        .text = "http://${host}/${gone}",
        .inputs = {{"host", {.value = {"\"db.local\""}}}, {"gone", {.value = {"\"\""}}}}}}};
  EXPECT_EQ(app.parameters, parameters);
  const std::map<std::string, ValueSource> credentials = {{"admin", Secret("file:/run/admin")},
                                                          {"password", Secret("vault:kv/p")}};
  EXPECT_EQ(app.credentials, credentials);
  EXPECT_TRUE(app.dependencies.empty());
  // What is not done stays as it was.
  EXPECT_EQ(residual->tasks[1].needs, std::vector<std::string>{"root/app"});
  EXPECT_EQ(residual->tasks[1].parameters.at("from"), OutputOf("root/app", "said"));
  EXPECT_EQ(residual->stages, (std::vector<std::vector<std::string>>{{"root/app"}, {"root"}}));
  EXPECT_EQ(residual->digest, PlanDigest(*residual));
  EXPECT_EQ(*ResidualPlan(Chain(), done), *residual);
}

TEST(ResidualPlan, OfNothingDoneHasAllTasks) {
  const absl::StatusOr<Plan> residual = ResidualPlan(Chain(), {});
  ASSERT_TRUE(residual.ok()) << residual.status();
  EXPECT_EQ(residual->tasks, Chain().tasks);
  EXPECT_EQ(residual->stages, Chain().stages);
}

TEST(ResidualPlan, OfEverythingDoneIsEmpty) {
  const absl::StatusOr<Plan> residual =
      ResidualPlan(Chain(), {{"root/db", {}}, {"root/app", {}}, {"root", {}}});
  ASSERT_TRUE(residual.ok()) << residual.status();
  EXPECT_TRUE(residual->tasks.empty());
}

TEST(ResidualPlan, RefusesAValueThatOnlyThisStateHas) {
  const absl::Status status =
      ResidualPlan(Chain(), {{"root/db", {{"password", Secret("state:01J/root/db#password")}}}})
          .status();
  EXPECT_TRUE(HasId(status, DiagnosticId::kEngineUnsupported)) << status;
}

TEST(ResidualPlan, RefusesSourcesInACircle) {
  Plan plan = Chain();
  plan.tasks[0].parameters["size"] = {.kind = Kind::kParameter, .item = {"root/db", "size"}};
  const absl::Status status = ResidualPlan(plan, {{"root/db", {}}}).status();
  EXPECT_TRUE(HasId(status, DiagnosticId::kDocumentValue)) << status;
}

TEST(UsesSecrets, LooksIntoTemplates) {
  Plan plan = Chain();
  EXPECT_TRUE(UsesSecrets(plan));
  plan.tasks[0].credentials.clear();
  EXPECT_FALSE(UsesSecrets(plan));
  plan.tasks[2].parameters["from"] = {
      .kind = Kind::kTemplate, .text = "${s}", .inputs = {{"s", Secret("env:X")}}};
  EXPECT_TRUE(UsesSecrets(plan));
}

}  // namespace
}  // namespace deps
