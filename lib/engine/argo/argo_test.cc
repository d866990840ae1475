#include "lib/engine/argo/argo.h"

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "lib/diag/diagnostic.h"
#include "lib/engine/argo/testing_argo.h"
#include "lib/http/testing_server.h"
#include "lib/io/file.h"
#include "lib/json/json.h"

namespace deps {
namespace {

using json::Value;

TEST_F(ArgoTest, SubmitsOneResourceUnderTheNameOfTheRun) {
  answers_ = {Answer("201 Created", {}, Resource(""))};
  const absl::StatusOr<Submitted> submitted = NewEngine()->Submit(Run());
  ASSERT_TRUE(submitted.ok()) << submitted.status();
  EXPECT_EQ(*submitted, (Submitted{.run = kRun}));
  EXPECT_EQ(
      requests_,
      (std::vector<std::string>{absl::StrCat("POST ", kWorkflows, "?fieldValidation=Strict")}));
  EXPECT_TRUE(absl::StrContains(heads_[0], "Authorization: Bearer kube-token"));
  const Value sent = Value::Of({bodies_[0]});
  EXPECT_EQ(sent.Find("metadata")->Find("name")->text, "deps-01abc");
  EXPECT_EQ(sent.Find("metadata")->Find("namespace")->text, "dev");
  EXPECT_EQ(sent.Find("metadata")->Find("annotations")->Find("cnab-deps/workflow")->text, "01ABC");
  EXPECT_EQ(sent.Find("spec")->Find("podGC"), nullptr);
}

TEST_F(ArgoTest, OptionsOfARunAreFieldsOfTheResource) {
  answers_ = {Answer("201 Created", {}, Resource(""))};
  EngineRun run = Run();
  run.revision = 2;
  run.options = {.jobs = 3, .retries = 4, .timeout_seconds = 50, .fail_fast = true};
  const absl::StatusOr<Submitted> submitted = NewEngine()->Submit(run);
  ASSERT_TRUE(submitted.ok()) << submitted.status();
  EXPECT_EQ(submitted->run, "dev/deps-01abc-r2");
  const Value sent = Value::Of({bodies_[0]});
  const Value& spec = *sent.Find("spec");
  EXPECT_EQ(spec.Find("parallelism")->text, "3");
  EXPECT_EQ(spec.Find("templateDefaults"), nullptr);
  const Value& main = spec.Find("templates")->items[0];
  EXPECT_TRUE(main.Find("dag")->Find("failFast")->boolean);
  EXPECT_EQ(main.Find("retryStrategy"), nullptr);
  const Value& task = spec.Find("templates")->items[1];
  EXPECT_EQ(task.Find("retryStrategy")->Find("limit")->text, "4");
  EXPECT_EQ(task.Find("retryStrategy")->Find("retryPolicy")->text, "Always");
  EXPECT_EQ(task.Find("activeDeadlineSeconds")->text, "50");
}

TEST_F(ArgoTest, TheSamePlanAgainIsTheSameRunAndAnotherAConflict) {
  answers_ = {Kind("409 Conflict", "already exists"), Ok(Resource("Running")),
              Kind("409 Conflict", "already exists"), Ok(Resource("Running"))};
  const auto engine = NewEngine();
  const absl::StatusOr<Submitted> again = engine->Submit(Run());
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(*again, (Submitted{.run = kRun, .already = true}));
  EngineRun other = Run();
  other.plan = OneTask("two");
  EXPECT_TRUE(HasId(engine->Submit(other).status(), DiagnosticId::kEngineConflict));
}

TEST_F(ArgoTest, APlanThatArgoCannotRunIsRefusedWithoutAskingIt) {
  EngineRun run = Run();
  run.plan.tasks[0].bundle.invocation_images.clear();
  EXPECT_TRUE(HasId(NewEngine()->Submit(run).status(), DiagnosticId::kEngineUnsupported));
  run = Run();
  run.plan.tasks[0].outputs["key"] = {.sensitive = true};
  EXPECT_TRUE(HasId(NewEngine()->Submit(run).status(), DiagnosticId::kEngineUnsupported));
  run = Run();
  run.plan.tasks[0].parameters["word"].value =
      json::ToText(Value::String(std::string(900000, 'x')));
  EXPECT_TRUE(HasId(NewEngine()->Submit(run).status(), DiagnosticId::kEngineUnsupported));
  EXPECT_TRUE(requests_.empty());
}

TEST_F(ArgoTest, RunsThatAreNotThereAreUnknown) {
  const auto engine = NewEngine();
  EXPECT_TRUE(HasId(engine->Status("01ABC-1").status(), DiagnosticId::kEngineUnknownRun));
  EXPECT_TRUE(HasId(engine->Status("dev/../x").status(), DiagnosticId::kEngineUnknownRun));
  EXPECT_TRUE(requests_.empty());
  EXPECT_TRUE(HasId(engine->Status(kRun).status(), DiagnosticId::kEngineUnknownRun));
  EXPECT_TRUE(engine->Cancel({.run = kRun}).ok());
  EXPECT_TRUE(engine->Cancel({.run = "01ABC-1"}).ok());
  EXPECT_TRUE(engine->Delete(kRun).ok());
  EXPECT_TRUE(HasId(engine->Status("prod/deps-01abc").status(), DiagnosticId::kEngineRefused));
}

TEST_F(ArgoTest, CancelStopsAtFirstAndTerminatesAfterTheGrace) {
  answers_ = {Ok(Resource("Running")), Ok("{}"), Ok(Resource("Running", "", "5", "Stop")),
              Ok("{}")};
  EXPECT_TRUE(NewEngine()->Cancel({.run = kRun, .grace_seconds = 0}).ok());
  ASSERT_EQ(requests_.size(), 4U);
  EXPECT_EQ(requests_[1], absl::StrCat("PATCH ", kWorkflows, "/deps-01abc"));
  EXPECT_EQ(bodies_[1], R"({"spec":{"shutdown":"Stop"}})");
  EXPECT_TRUE(absl::StrContains(heads_[1], "application/merge-patch+json"));
  EXPECT_EQ(bodies_[3], R"({"spec":{"shutdown":"Terminate"}})");
}

TEST_F(ArgoTest, CancelWaitsForTheEndOfWhatItStopped) {
  answers_ = {Ok(Resource("Running")), Ok("{}"), Ok(Resource("Running", "", "5", "Stop")),
              Ok(Resource("Failed", "", "6", "Stop"))};
  EXPECT_TRUE(NewEngine()->Cancel({.run = kRun, .grace_seconds = 30}).ok());
  EXPECT_EQ(requests_.size(), 4U);
  answers_ = {Ok(Resource("Running")), Ok("{}")};
  EXPECT_TRUE(NewEngine()->Cancel({.run = kRun, .force = true}).ok());
  EXPECT_EQ(bodies_.back(), R"({"spec":{"shutdown":"Terminate"}})");
}

TEST_F(ArgoTest, OnlyWhatHasEndedIsDeleted) {
  answers_ = {Ok(Resource("Running")), Ok(Resource("Succeeded")), Ok("{}")};
  const auto engine = NewEngine();
  EXPECT_TRUE(HasId(engine->Delete(kRun), DiagnosticId::kEngineUnavailable));
  EXPECT_TRUE(engine->Delete(kRun).ok());
  EXPECT_EQ(requests_.back(),
            absl::StrCat("DELETE ", kWorkflows, "/deps-01abc?propagationPolicy=Background"));
}

TEST_F(ArgoTest, AWorkflowWithoutPodsIsLostAfterAWhile) {
  repeat_ = true;
  answers_ = {Ok(Resource("Running", "Running", "5", "", kLongAgo)), Pods({}),
              Ok(Resource("Running", "Running", "5", "", kLongAgo)), Pods({})};
  const auto engine = NewEngine();
  absl::StatusOr<EngineStatus> status = engine->Status(kRun);
  ASSERT_TRUE(status.ok()) << status.status();
  EXPECT_EQ(status->workflow.tasks[0].status, "running");
  // As if the first time had been long ago.
  ASSERT_TRUE(WriteFile(folder_.path() + "/stalled-deps-01abc", "1000").ok());
  status = engine->Status(kRun);
  ASSERT_TRUE(status.ok()) << status.status();
  EXPECT_EQ(status->workflow.tasks[0].status, "unknown");
  answers_ = {Ok(Resource("Running", "Running", "5", "", kLongAgo)),
              Pods({Pod("a", "", "Running")})};
  status = engine->Status(kRun);
  ASSERT_TRUE(status.ok()) << status.status();
  EXPECT_EQ(status->workflow.tasks[0].status, "running");
  EXPECT_FALSE(ReadFile(folder_.path() + "/stalled-deps-01abc").ok());
}

TEST_F(ArgoTest, RenderNeedsNoServerAndShowsWhatToInstall) {
  environment_.clear();
  const auto engine = NewEngine(R"({"namespace":"dev"})");
  const absl::StatusOr<std::vector<EngineFile>> files = engine->Render(Run());
  ASSERT_TRUE(files.ok()) << files.status();
  ASSERT_EQ(files->size(), 2U);
  EXPECT_EQ((*files)[0].name, "workflow.yaml");
  for (const std::string_view part :
       {"kind: ServiceAccount", "name: deps-executor", "- workflowtaskresults",
        "kind: NetworkPolicy", "169.254.0.0/16", "name: deps-submitter", "namespace: dev"}) {
    EXPECT_TRUE(absl::StrContains((*files)[1].text, part)) << part << "\n" << (*files)[1].text;
  }
  EXPECT_EQ(*files, *engine->Render(Run()));
}

TEST(ArgoConfigTest, WrongSettingsAreRefused) {
  const std::map<std::string, std::string> rows = {
      {R"({"namespce":"x"})",
       "config/namespce: the member 'namespce' is not known; did you mean 'namespace'?"},
      {R"({"namespace":1})", "config/namespace: expected a string, found a number"},
      {R"({"stalledMinutes":0})", "config/stalledMinutes: less than one"},
      {R"({"server":"argo:2746"})", "config/server: this is no URL"},
      {R"({"server":"http://argo.example:2746"})",
       "config/server: it is not https, and would get a token in clear"},
  };
  for (const auto& [config, message] : rows) {
    const absl::Status status = ParseArgoConfig({config}, "").status();
    ASSERT_TRUE(HasId(status, DiagnosticId::kEngineRefused)) << config;
    EXPECT_EQ(DiagnosticsOf(status).front().message, message);
  }
}

TEST_F(ArgoTest, AKubeconfigsMistakesAreToldWithTheirPlace) {
  const std::string path = environment_["KUBECONFIG"];
  ASSERT_TRUE(WriteFile(path, "current-context: away\ncontexts: []\n").ok());
  const absl::Status wrong = NewEngine()->Check().status();
  ASSERT_TRUE(HasId(wrong, DiagnosticId::kEngineRefused)) << wrong;
  EXPECT_EQ(DiagnosticsOf(wrong).front().message, path + ":1:18: there is no context 'away'");
  environment_["KUBECONFIG"] = "/nonexistent";
  const absl::Status absent = NewEngine()->Check().status();
  ASSERT_TRUE(HasId(absent, DiagnosticId::kEngineRefused)) << absent;
}

}  // namespace
}  // namespace deps
