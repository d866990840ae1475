#include "lib/engine/argo/run.h"

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "lib/diag/diagnostic.h"
#include "lib/engine/argo/render.h"
#include "lib/json/json.h"

namespace deps {
namespace {

using json::Value;

// "root/db" gives a plain output and a sensitive one; "root" needs it.
Plan TwoTasks() {
  Plan plan{.action = "install", .digest = "sha256:" + std::string(64, '0')};
  PlannedTask db{.id = "root/db", .action = "install", .installation = {.name = {"dev", "db"}}};
  db.bundle.invocation_images = {{.image = "example.com/db:1"}};
  db.outputs["port"] = {.path = "/cnab/app/outputs/port", .type = "integer"};
  db.outputs["password"] = {.sensitive = true, .sink = "vault:kv/deps/dev/db/password"};
  PlannedTask root{.id = "root", .action = "install", .installation = {.name = {"dev", "shop"}}};
  root.bundle.invocation_images = {{.image = "example.com/shop:1"}};
  root.needs = {"root/db"};
  root.stage = 1;
  plan.tasks = {db, root};
  plan.stages = {{"root/db"}, {"root"}};
  return plan;
}

// The resource of TwoTasks with this status.
Value Resource(const std::string& status, const std::string& spec = "{}") {
  const absl::StatusOr<JsonText> text =
      RenderArgo(TwoTasks(), {.name = "w", .id = "01ABC", .revision = 1});
  EXPECT_TRUE(text.ok()) << text.status();
  Value resource = Value::Of(*text);
  for (auto& [key, member] : Value::Of(JsonText{spec}).members) {
    resource.Find("spec")->Set(key, member);
  }
  resource.Set("status", Value::Of(JsonText{status}));
  return resource;
}

std::string Told(const absl::StatusOr<ArgoRun>& run) {
  if (!run.ok()) return DiagnosticsOf(run.status()).front().message;
  const EngineStatus status = run->Status();
  std::vector<std::string> tasks = {status.workflow.status};
  for (const WorkflowTask& task : status.workflow.tasks) {
    std::string text = absl::StrCat(task.id, " ", task.status, " ", task.attempt);
    if (!task.reason.empty()) absl::StrAppend(&text, " ", task.reason);
    if (task.exit_code.has_value()) absl::StrAppend(&text, " exit ", *task.exit_code);
    tasks.push_back(text);
  }
  return absl::StrJoin(tasks, "; ");
}

// A member of `nodes`.
std::string Node(const std::string& name, const std::string& type, const std::string& phase,
                 const std::string& rest = "") {
  return absl::StrCat("\"", name, R"(":{"id":"w-1","name":")", name, R"(","type":")", type,
                      R"(","phase":")", phase, "\"", rest, "}");
}

std::string Nodes(const std::string& phase, const std::vector<std::string>& nodes,
                  const std::string& message = "") {
  return absl::StrCat(R"({"phase":")", phase, R"(","message":")", message, R"(","nodes":{)",
                      absl::StrJoin(nodes, ","), "}}");
}

// A node of type Retry with one attempt.
std::string Tried(const std::string& phase, const std::string& attempt_phase,
                  const std::string& rest = "") {
  return absl::StrCat(Node("w.root--db", "Retry", phase), ",",
                      Node("w.root--db(0)", "Pod", attempt_phase, rest));
}

std::string Exit(const std::string& code) {
  return absl::StrCat(R"(,"outputs":{"exitCode":")", code, R"("})");
}

std::string Says(const std::string& message) {
  return absl::StrCat(R"(,"message":")", message, "\"");
}

TEST(ArgoRunTest, PhasesOfArgoAreStatesOfOurs) {
  struct Row {
    std::string name;
    std::string status;
    std::string told;
    std::string spec = "{}";
  };
  const std::vector<Row> rows = {
      {"no status yet", "{}", "pending; root/db pending 0; root pending 0"},
      {"waits for its turn", Nodes("Pending", {}), "pending; root/db pending 0; root pending 0"},
      {"a pod is made", Nodes("Running", {Tried("Running", "Pending")}),
       "running; root/db pending 0; root pending 0"},
      {"a pod runs", Nodes("Running", {Tried("Running", "Running")}),
       "running; root/db running 1; root pending 0"},
      {"no node of type Retry", Nodes("Running", {Node("w.root--db", "Pod", "Running")}),
       "running; root/db running 1; root pending 0"},
      {"the second attempt waits",
       Nodes("Running", {Tried("Running", "Error"), Node("w.root--db(1)", "Pod", "Pending")}),
       "running; root/db running 1; root pending 0"},
      {"the second attempt runs",
       Nodes("Running", {Tried("Running", "Error"), Node("w.root--db(1)", "Pod", "Running")}),
       "running; root/db running 2; root pending 0"},
      {"all is well",
       Nodes("Succeeded",
             {Tried("Succeeded", "Succeeded", Exit("0")), Node("w.root", "Pod", "Succeeded")}),
       "succeeded; root/db succeeded 1 exit 0; root succeeded 1"},
      {"a bundle fails",
       Nodes("Failed", {Tried("Failed", "Failed", Says("Error (exit code 7)") + Exit("7")),
                        Node("w.root", "Skipped", "Omitted")}),
       "failed; root/db failed 1 bundle exit 7; root skipped 0 upstream"},
      {"what needs it has no node", Nodes("Failed", {Tried("Failed", "Failed", Exit("7"))}),
       "failed; root/db failed 1 bundle exit 7; root skipped 0 upstream"},
      {"the agent could not start it", Nodes("Failed", {Tried("Failed", "Failed", Exit("125"))}),
       "failed; root/db failed 1 engine; root skipped 0 upstream"},
      {"Argo fails", Nodes("Error", {Tried("Error", "Error", Says("pod deleted"))}),
       "failed; root/db failed 1 engine; root skipped 0 upstream"},
      {"too long",
       Nodes("Failed",
             {Tried("Failed", "Failed",
                    Says("Pod was active on the node longer than the specified deadline"))}),
       "failed; root/db failed 1 timeout; root skipped 0 upstream"},
      {"when is false", Nodes("Running", {Tried("Skipped", "Skipped")}),
       "running; root/db skipped 0; root pending 0"},
      {"stopped",
       Nodes("Failed", {Tried("Failed", "Failed", Says("workflow shutdown with strategy:  Stop"))},
             "Stopped with strategy 'Stop'"),
       "canceled; root/db canceled 1; root canceled 0"},
      {"stopped, as the pod says", Nodes("Failed", {Tried("Failed", "Failed", Exit("143"))}),
       "canceled; root/db canceled 1 exit 143; root canceled 0", R"({"shutdown":"Stop"})"},
      {"failed before it was stopped", Nodes("Failed", {Tried("Failed", "Failed", Exit("7"))}),
       "canceled; root/db failed 1 bundle exit 7; root canceled 0", R"({"shutdown":"Stop"})"},
      {"ended, and a node runs", Nodes("Failed", {Tried("Running", "Running")}),
       "failed; root/db unknown 1 engine; root skipped 0 upstream"},
      {"a phase of the future", Nodes("Dreaming", {Tried("Dreaming", "Dreaming")}),
       "pending; root/db pending 0; root pending 0"},
      {"nodes in a database", R"({"phase":"Running","offloadNodeStatusVersion":"fnv:1"})",
       "Argo keeps the nodes of the workflow w in its database, and only an Argo Server tells "
       "them"},
      // gzip of {"w-1":{"name":"w.root--db","type":"Pod","phase":"Running"}}
      {"nodes that are compressed",
       R"({"phase":"Running","compressedNodes":")"
       "H4sIAAAAAAACA6tWKtc1VLKqVspLzE1VslIq1yvKzy/"
       "R1U1JUtJRKqksAIkF5KcAOQUZicUgXlBpXl5mXrpSbS0ANESGLjwAAAA="
       R"("})",
       "running; root/db running 1; root pending 0"},
      {"nodes that are no gzip", R"({"phase":"Running","compressedNodes":"aGVsbG8="})",
       "the workflow's compressedNodes are no gzip of nodes in base64"},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(Told(ArgoRun::Read(Resource(row.status, row.spec))), row.told) << row.name;
  }
}

TEST(ArgoRunTest, PlainOutputsAreValuesAndSensitiveOnesReferences) {
  const absl::StatusOr<ArgoRun> run = ArgoRun::Read(Resource(
      Nodes("Running", {Tried("Succeeded", "Succeeded",
                              R"(,"outputs":{"parameters":[{"name":"port","value":"5432"}]})")})));
  ASSERT_TRUE(run.ok()) << run.status();
  const EngineStatus status = run->Status();
  EXPECT_EQ(status.workflow.id, "01ABC");
  EXPECT_EQ(status.workflow.plan, TwoTasks().digest);
  EXPECT_EQ(status.native, (std::map<std::string, std::string>{{"root/db", "node w.root--db(0)"}}));
  const std::map<std::string, WorkflowOutput> outputs = {
      {"port", {.value = JsonText{"5432"}}},
      {"password", {.sensitive = true, .ref = "vault:kv/deps/dev/db/password"}}};
  EXPECT_EQ(status.workflow.tasks.front().outputs, outputs);
}

TEST(ArgoRunTest, RefusesWhatIsNotOurs) {
  Value foreign = Resource("{}");
  foreign.Find("metadata")->Set("annotations", Value::Object());
  EXPECT_EQ(Told(ArgoRun::Read(foreign)),
            "the workflow w is none of deps-run: it has no annotation cnab-deps/plan-digest");
  Value changed = Resource("{}");
  changed.Find("spec")->Find("templates")->items.pop_back();
  EXPECT_EQ(Told(ArgoRun::Read(changed)),
            "the workflow w is none of deps-run: a task has no template");
}

TEST(ArgoRunTest, KnowsWhatShouldBeInAPod) {
  const std::map<std::string, bool> rows = {
      {Nodes("Running", {Tried("Running", "Running")}), true},
      {Nodes("Succeeded", {Tried("Succeeded", "Succeeded")}), false},
      {Nodes("Running", {Tried("Running", "Pending",
                               R"(,"synchronizationStatus":{"waiting":"dev/Mutex/deps-db"})")}),
       false},
      {Nodes("Running", {Node("w.root--db", "Retry", "Running", Says("Backoff for 10 seconds"))}),
       false},
  };
  for (const auto& [status, needs] : rows) {
    const absl::StatusOr<ArgoRun> run = ArgoRun::Read(Resource(status));
    ASSERT_TRUE(run.ok()) << status;
    EXPECT_EQ(run->NeedsPods(), needs) << status;
  }
  const auto suspended = ArgoRun::Read(
      Resource(Nodes("Running", {Tried("Running", "Running")}), R"({"suspend":true})"));
  ASSERT_TRUE(suspended.ok());
  EXPECT_FALSE(suspended->NeedsPods());
}

TEST(ArgoRunTest, WhatIsLostIsUnknownAndWhatNeedsItIsSkipped) {
  const auto run = ArgoRun::Read(Resource(Nodes("Running", {Tried("Running", "Running")})));
  ASSERT_TRUE(run.ok());
  EngineStatus status = run->Status();
  const std::string before = status.cursor;
  run->TellLost(absl::FromUnixSeconds(0), &status);
  EXPECT_EQ(status.workflow.status, "failed");
  EXPECT_EQ(status.workflow.tasks[0].status, "unknown");
  EXPECT_EQ(status.workflow.tasks[0].message,
            "Argo says Running, and no pod of the workflow is alive since 1970-01-01T00:00:00Z: "
            "see whether the task did its work, then resume the workflow");
  EXPECT_EQ(status.workflow.tasks[1].status, "skipped");
  EXPECT_NE(status.cursor, before);
}

TEST(ArgoRunTest, NodesBelongToTasksByTheirNames) {
  const auto run = ArgoRun::Read(Resource("{}"));
  ASSERT_TRUE(run.ok());
  int attempt = -1;
  EXPECT_EQ(run->TaskOfNode("w.root--db(12)", &attempt)->id, "root/db");
  EXPECT_EQ(attempt, 12);
  EXPECT_EQ(run->TaskOfNode("w.root", &attempt)->id, "root");
  EXPECT_EQ(attempt, 0);
  EXPECT_EQ(run->TaskOfNode("w.root--dbx(0)", &attempt), nullptr);
  EXPECT_EQ(run->TaskOfNode("w", &attempt), nullptr);
}

}  // namespace
}  // namespace deps
