#include "lib/engine/argo/render.h"

#include <cstddef>
#include <set>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "lib/diag/diagnostic.h"
#include "lib/io/file.h"
#include "lib/json/json.h"
#include "lib/model/plan.h"
#include "lib/schema/conforms.h"

namespace deps {
namespace {

TEST(ArgoNameTest, EveryIdHasItsOwnNameAndComesBack) {
  std::set<std::string> names;
  for (const std::string id :
       {"root",  "root/db", "root--db", "root-/db",  "root/-db", "my-db", "my-Xdb",
        "a_b",   "a.b",     "-a",       "a-",        "/",        "x-X2f", "--",
        "a---b", "{{x}}",   "\xC3\xA4", "a/b/c-d/e", "X",        "X/",    "x/"}) {
    const std::string name = ArgoName(id);
    EXPECT_TRUE(names.insert(name).second) << name;
    EXPECT_EQ(IdOfArgoName(name), id) << name;
    for (const char c : name) EXPECT_TRUE(isalnum(c) || c == '-') << name;
    EXPECT_TRUE(isalnum(name[0])) << name;
  }
  EXPECT_EQ(ArgoName("root/my-db"), "root--my-db");
  EXPECT_EQ(ArgoName(std::string(500, 'a')).size(), 42U);
}

Plan TwoTasks() {
  Plan plan{.action = "install", .digest = "sha256:" + std::string(64, '0')};
  PlannedTask db{.id = "root/db", .action = "install", .installation = {.name = {"dev", "db"}}};
  db.bundle.invocation_images = {{.image = "example.com/db:1", .content_digest = "sha256:1"}};
  db.outputs["host"] = {.path = "/cnab/app/outputs/host"};
  db.outputs["password"] = {.sensitive = true, .sink = "vault:kv/deps/dev/db/password"};
  PlannedTask root{.id = "root", .action = "install", .installation = {.name = {"dev", "shop"}}};
  root.bundle.invocation_images = {{.image = "example.com/shop:1"}};
  root.needs = {"root/db"};
  root.stage = 1;
  root.parameters["host"] = {.kind = ValueSource::Kind::kOutput, .item = {"root/db", "host"}};
  root.parameters["text"] = {.value = {"\"{{workflow.status}}\""}};
  root.credentials["password"] = {.kind = ValueSource::Kind::kOutput,
                                  .item = {"root/db", "password"}};
  plan.tasks = {db, root};
  plan.stages = {{"root/db"}, {"root"}};
  return plan;
}

// The document that the agent of a template gets.
json::Value StepOf(const json::Value& workflow, size_t number) {
  const json::Value& shown = workflow.Find("spec")->Find("templates")->items[number];
  const json::Value& artifact = shown.Find("inputs")->Find("artifacts")->items[0];
  std::string text;
  EXPECT_TRUE(absl::Base64Unescape(artifact.Find("raw")->Find("data")->text, &text));
  return json::Value::Of({text});
}

TEST(RenderArgoTest, SensitiveOutputsArePassedAsReferences) {
  const absl::StatusOr<JsonText> text = RenderArgo(TwoTasks(), {});
  ASSERT_TRUE(text.ok()) << text.status();
  const json::Value step = StepOf(json::Value::Of(*text), 2);
  EXPECT_EQ(json::Canonical(*step.Find("task")->Find("credentials")),
            R"({"password":{"secret":"vault:kv/deps/dev/db/password"}})");
  EXPECT_EQ(json::Canonical(*step.Find("inputs")),
            R"([{"name":"host","task":"root/db","variable":"DEPS_INPUT_0"}])");
}

TEST(RenderArgoTest, AStepIsAsItsSchemasAsk) {
  const absl::StatusOr<JsonText> text = RenderArgo(TwoTasks(), {});
  ASSERT_TRUE(text.ok()) << text.status();
  const absl::StatusOr<Source> schema = ReadFile("lib/schema/step.schema.json");
  const absl::StatusOr<Source> plans = ReadFile("lib/schema/plan.schema.json");
  ASSERT_TRUE(schema.ok() && plans.ok());
  const json::Value tasks = json::Value::Object({{"$ref", json::Value::String("#/$defs/task")},
                                                 {"$defs", *json::Parse(*plans)->Find("$defs")}});
  for (const size_t shown : {1, 2}) {
    const json::Value step = StepOf(json::Value::Of(*text), shown);
    EXPECT_EQ(ConformsToSchema(*schema, {"step", json::Canonical(step)}), absl::OkStatus());
    EXPECT_EQ(ConformsToSchema({"task", json::Canonical(tasks)},
                               {"step", json::Canonical(*step.Find("task"))}),
              absl::OkStatus());
  }
}

TEST(RenderArgoTest, ABundleCanTakeNoAccountThatItsTaskDoesNotNeed) {
  const auto mounts = [](const std::string& secret) {
    Plan plan = TwoTasks();
    plan.tasks[0].outputs.erase("password");
    plan.tasks[1].credentials.clear();
    plan.tasks[0].credentials["token"] = {.kind = ValueSource::Kind::kSecret, .text = secret};
    const absl::StatusOr<JsonText> text = RenderArgo(plan, {});
    EXPECT_TRUE(text.ok()) << text.status();
    if (!text.ok()) return std::string();
    const json::Value workflow = json::Value::Of(*text);
    const json::Value& shown = workflow.Find("spec")->Find("templates")->items[1];
    std::string names;
    for (const json::Value& mount : shown.Find("container")->Find("volumeMounts")->items) {
      const std::string& name = mount.Find("name")->text;
      if (name == "deps-account" || name == "deps-identity") absl::StrAppend(&names, name, " ");
    }
    return names;
  };
  EXPECT_EQ(mounts("file:/run/token"), "");
  EXPECT_EQ(mounts("kubernetes:shop/token"), "deps-account ");
  EXPECT_EQ(mounts("vault:kv/token"), "deps-identity ");
}

TEST(RenderArgoTest, NothingOfTheUsersIsExpanded) {
  const absl::StatusOr<JsonText> text = RenderArgo(TwoTasks(), {});
  ASSERT_TRUE(text.ok());
  EXPECT_FALSE(absl::StrContains(text->text, "{{workflow.status}}"));
}

TEST(RenderArgoTest, WhatIsReusedIsGivenAtSubmission) {
  Plan plan = TwoTasks();
  plan.tasks[0].action = "skip";
  const absl::StatusOr<JsonText> text = RenderArgo(plan, {});
  ASSERT_TRUE(text.ok());
  const json::Value workflow = json::Value::Of(*text);
  const json::Value& spec = *workflow.Find("spec");
  EXPECT_EQ(spec.Find("templates")->items.size(), 2U);
  EXPECT_EQ(spec.Find("arguments")->Find("parameters")->items[1].Find("name")->text,
            "root--db-Xout-host");
  EXPECT_EQ(spec.Find("templates")->items[0].Find("dag")->Find("tasks")->items[0].Find("depends"),
            nullptr);
}

TEST(RenderArgoTest, RefusesWhatCannotRunThere) {
  Plan plan = TwoTasks();
  plan.tasks[0].outputs["password"].sink = "";
  plan.tasks[0].credentials["token"] = {.kind = ValueSource::Kind::kSecret, .text = "env:TOKEN"};
  plan.tasks[0].bundle.invocation_images.clear();
  const absl::Status status = RenderArgo(plan, {}).status();
  std::set<DiagnosticId> ids;
  for (const Diagnostic& diagnostic : DiagnosticsOf(status)) ids.insert(diagnostic.id);
  EXPECT_EQ(ids, (std::set<DiagnosticId>{DiagnosticId::kPlanSink, DiagnosticId::kSecretReference,
                                         DiagnosticId::kDocumentValue}));
  EXPECT_TRUE(
      HasId(RenderArgo(TwoTasks(), {.max_bytes = 1000}).status(), DiagnosticId::kPlanTooLarge));
}

}  // namespace
}  // namespace deps
