// That the cluster for tests is as strict as a real one.
#include "lib/engine/testing/testing_cluster.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "lib/engine/testing/argo_validate.h"
#include "lib/http/http.h"
#include "lib/io/file.h"
#include "lib/json/json.h"

namespace deps {
namespace {

using json::Value;

constexpr char kWorkflows[] = "/apis/argoproj.io/v1alpha1/namespaces/deps/workflows";

// A workflow of one task that runs for ever in an image that nobody has.
constexpr char kWorkflow[] = R"({"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow",
  "metadata": {"name": "one", "labels": {"a": "b"}},
  "spec": {"entrypoint": "main", "templates": [
    {"name": "main", "dag": {"tasks": [{"name": "first", "template": "leaf"},
      {"name": "second", "template": "leaf", "depends": "first.Succeeded"}]}},
    {"name": "leaf", "activeDeadlineSeconds": "60",
     "container": {"image": "absent", "command": ["true"]}}]}})";

class TestingClusterTest : public testing::Test {
 protected:
  TestingClusterTest() { Start(); }

  void Start() {
    cluster_ = std::make_unique<TestingCluster>(TestingClusterOptions{.folder = folder_.path()});
    client_ = std::make_unique<http::Client>(
        http::ClientOptions{.ca_file = cluster_->ca_file(), .stall_timeout_seconds = 5});
  }

  absl::StatusOr<http::Response> Ask(const std::string& method, const std::string& path,
                                     std::string_view body = "",
                                     const std::string& type = "application/json",
                                     const std::string& token = TestingCluster::kAdminToken) {
    http::Request request = {
        .method = method,
        .url = absl::StrCat(absl::StartsWith(path, "/api/v1/workflow") ? cluster_->argo_url()
                                                                       : cluster_->kubernetes_url(),
                            path),
        .headers = {{"Authorization", absl::StrCat("Bearer ", token)}, {"Content-Type", type}},
        .nearest = http::AddressSpace::kLoopback};
    if (!body.empty()) request.body = body;
    return client_->Send(request);
  }
  int StatusOf(const std::string& method, const std::string& path, std::string_view body = "",
               const std::string& type = "application/json",
               const std::string& token = TestingCluster::kAdminToken) {
    const absl::StatusOr<http::Response> response = Ask(method, path, body, type, token);
    return response.ok() ? response->status : 0;
  }
  Value Body(const std::string& path) { return Value::Of({Ask("GET", path)->body}); }

  const TemporaryFolder folder_ = *TemporaryFolder::Create("cluster-test");
  std::unique_ptr<TestingCluster> cluster_;
  std::unique_ptr<http::Client> client_;
};

TEST_F(TestingClusterTest, AnswersAsAnApiServerDoes) {
  const std::string merge = "application/merge-patch+json";
  const std::string one = absl::StrCat(kWorkflows, "/one");
  const struct {
    std::string name;
    int expected;
    int found;
  } kRows[] = {
      {"no token", 401, StatusOf("GET", "/version", "", "", "guessed")},
      {"version", 200, StatusOf("GET", "/version")},
      {"absent", 404, StatusOf("GET", one)},
      {"a reader does not create", 403,
       StatusOf("POST", kWorkflows, kWorkflow, "application/json", TestingCluster::kReaderToken)},
      {"another type", 415, StatusOf("POST", kWorkflows, kWorkflow, "text/plain")},
      {"no JSON", 400, StatusOf("POST", kWorkflows, "{")},
      {"an unknown field", 400,
       StatusOf("POST", kWorkflows,
                absl::StrReplaceAll(kWorkflow, {{"\"depends\"", "\"dependz\""}}))},
      {"a number where Argo has a text", 400,
       StatusOf("POST", kWorkflows, absl::StrReplaceAll(kWorkflow, {{"\"60\"", "60"}}))},
      {"a name with capitals", 422,
       StatusOf("POST", kWorkflows, absl::StrReplaceAll(kWorkflow, {{"\"one\"", "\"One\""}}))},
      {"too large", 413,
       StatusOf("POST", kWorkflows,
                absl::StrReplaceAll(
                    kWorkflow, {{"\"b\"", absl::StrCat("\"", std::string(1000000, 'b'), "\"")}}))},
      {"another namespace", 404,
       StatusOf("POST", "/apis/argoproj.io/v1alpha1/namespaces/other/workflows", kWorkflow)},
      {"dry run", 201, StatusOf("POST", absl::StrCat(kWorkflows, "?dryRun=All"), kWorkflow)},
      {"still absent", 404, StatusOf("GET", one)},
      {"created", 201, StatusOf("POST", kWorkflows, kWorkflow)},
      {"once", 409, StatusOf("POST", kWorkflows, kWorkflow)},
      {"a patch of another type", 415, StatusOf("PATCH", one, "{}")},
      {"a patch of an old version", 409,
       StatusOf("PATCH", one, R"({"metadata": {"resourceVersion": "1"}})", merge)},
      {"a patch with an unknown field", 400,
       StatusOf("PATCH", one, R"({"spec": {"stop": true}})", merge)},
      {"a patch", 200, StatusOf("PATCH", one, R"({"spec": {"shutdown": "Stop"}})", merge)},
      {"deleted", 200, StatusOf("DELETE", one)},
      {"deleted once", 404, StatusOf("DELETE", one)},
  };
  for (const auto& row : kRows) EXPECT_EQ(row.found, row.expected) << row.name;
}

TEST_F(TestingClusterTest, AnOldVersionIsGoneForWatchers) {
  ASSERT_EQ(StatusOf("POST", kWorkflows, kWorkflow), 201);
  const Value list = Body(kWorkflows);
  const std::string version = TextAt(list, {"metadata", "resourceVersion"});
  const auto watch = [&] {
    return Ask("GET", absl::StrCat(kWorkflows, "?watch=1&timeoutSeconds=2&allowWatchBookmarks=true",
                                   "&resourceVersion=", version))
        ->body;
  };
  EXPECT_TRUE(absl::StrContains(watch(), R"("type":"BOOKMARK")"));
  cluster_->store().Compact();
  EXPECT_TRUE(absl::StrContains(watch(), R"("code":410)"));
  // As after a restart of the server, which keeps objects and forgets changes.
  cluster_.reset();
  Start();
  EXPECT_TRUE(absl::StrContains(watch(), R"("code":410)"));
  EXPECT_EQ(StatusOf("GET", absl::StrCat(kWorkflows, "/one")), 200);
}

TEST_F(TestingClusterTest, FaultsComeAsOftenAsAskedFor) {
  HttpServer& server = cluster_->kubernetes();
  server.Inject(
      {.kind = Fault::Kind::kStatus, .path = "/version", .status = 429, .retry_after = 3});
  const absl::StatusOr<http::Response> refused = Ask("GET", "/version");
  ASSERT_TRUE(refused.ok());
  EXPECT_EQ(refused->status, 429);
  EXPECT_EQ(refused->Header("retry-after"), "3");
  EXPECT_EQ(StatusOf("GET", "/version"), 200);
  for (const Fault::Kind kind : {Fault::Kind::kDrop, Fault::Kind::kHalf}) {
    server.Inject({.kind = kind, .path = "/version"});
    EXPECT_FALSE(Ask("GET", "/version").ok());
  }
  server.Inject({.kind = Fault::Kind::kLoseAnswer, .method = "POST", .path = "/workflows"});
  EXPECT_FALSE(Ask("POST", kWorkflows, kWorkflow).ok());
  EXPECT_EQ(StatusOf("GET", absl::StrCat(kWorkflows, "/one")), 200);
}

TEST_F(TestingClusterTest, ArgoServerLintsAndCreates) {
  const auto body = [](std::string_view workflow) {
    return absl::StrCat(R"({"namespace": "deps", "workflow": )", workflow, "}");
  };
  const std::string nowhere = absl::StrReplaceAll(kWorkflow, {{"first.Succ", "fist.Succ"}});
  EXPECT_EQ(StatusOf("POST", "/api/v1/workflows/deps/lint", body(kWorkflow)), 200);
  EXPECT_EQ(StatusOf("POST", "/api/v1/workflows/deps/lint", body(nowhere)), 400);
  EXPECT_EQ(StatusOf("GET", "/api/v1/workflows/deps/one"), 404);
  EXPECT_EQ(StatusOf("POST", "/api/v1/workflows/deps", body(kWorkflow)), 200);
  EXPECT_EQ(StatusOf("POST", "/api/v1/workflows/deps", body(kWorkflow)), 409);
  const Value part = Body("/api/v1/workflows/deps/one?fields=metadata.name,spec.entrypoint");
  EXPECT_EQ(json::Canonical(part), R"({"metadata":{"name":"one"},"spec":{"entrypoint":"main"}})");
  EXPECT_EQ(StatusOf("PUT", "/api/v1/workflows/deps/one/stop", "{}"), 200);
}

TEST_F(TestingClusterTest, WhatKubernetesTakesArgosControllerMayNot) {
  const std::string nowhere = absl::StrReplaceAll(kWorkflow, {{"first.Succ", "fist.Succ"}});
  ASSERT_EQ(StatusOf("POST", kWorkflows, nowhere), 201);
  Value workflow;
  for (int i = 0; i < 100 && TextAt(workflow, {"status", "phase"}) != "Error"; ++i) {
    absl::SleepFor(absl::Milliseconds(50));
    workflow = Body(absl::StrCat(kWorkflows, "/one"));
  }
  EXPECT_EQ(TextAt(workflow, {"status", "message"}),
            "invalid spec: templates.main.tasks.second depends on 'fist', no task");
}

TEST_F(TestingClusterTest, PodsNeedTheirAccountAndTheTokenOfTheirExecutor) {
  const std::string text = absl::StrReplaceAll(
      kWorkflow, {{"\"entrypoint\": \"main\"",
                   "\"entrypoint\": \"main\", \"serviceAccountName\": \"runner\", "
                   "\"executor\": {\"serviceAccountName\": \"reporter\"}"}});
  const auto waits_for = [&](std::string_view name, std::string_view message) {
    ASSERT_EQ(StatusOf("POST", kWorkflows, absl::StrReplaceAll(text, {{"\"one\"", name}})), 201);
    std::string workflow;
    for (int i = 0; i < 100 && !absl::StrContains(workflow, message); ++i) {
      absl::SleepFor(absl::Milliseconds(50));
      workflow = json::Canonical(
          Body(absl::StrCat(kWorkflows, "/", absl::StrReplaceAll(name, {{"\"", ""}}))));
    }
    EXPECT_THAT(workflow, testing::HasSubstr(message));
  };
  waits_for("\"one\"", R"(error looking up service account deps/runner)");
  Value stored;
  cluster_->store().Create({"serviceaccounts", "deps", "runner"}, Value::Object(), &stored);
  waits_for("\"two\"", R"(secret \"reporter.service-account-token\" not found)");
}

TEST(WorkflowErrorTest, IsTheFirstThingThatIsWrong) {
  const struct {
    std::string_view replaced;
    std::string_view by;
    std::string_view error;  // A part of it.
  } kRows[] = {
      {"\"one\"", "\"one\"", ""},
      {"\"entrypoint\": \"main\"", "\"entrypoint\": \"man\"", "spec.entrypoint 'man' undefined"},
      {"\"first\"", "\"1st\"", "name cannot begin with a digit"},
      {"\"first\"", "\"a.b\"", "is invalid: name must consist of"},
      {"\"first\"", "\"second\"", "'second' is not unique"},
      {"\"template\": \"leaf\"}", "\"template\": \"loaf\"}", "template name 'loaf' undefined"},
      {"\"true\"", "\"{{tasks.first.outputs.parameters.x}}\"",
       "failed to resolve {{tasks.first.outputs.parameters.x}}"},
      {"\"true\"", "\"{{='{{'}}workflow.name}}\"", ""},
      {"\"60\"", "\"0\"", "must be a positive integer"},
      {"first.Succeeded", "second.Succeeded", "cycle detected"},
      {"first.Succeeded", "first.Succeeded &&", "invalid depends expression"},
      {"\"dag\": {", "\"activeDeadlineSeconds\": \"1\", \"dag\": {",
       "only valid for leaf templates"},
  };
  for (const auto& row : kRows) {
    const std::string text = absl::StrReplaceAll(kWorkflow, {{row.replaced, row.by}});
    const std::string error = WorkflowError(Value::Of({text}));
    EXPECT_TRUE(row.error.empty() ? error.empty() : absl::StrContains(error, row.error))
        << row.by << ": " << error;
  }
}

}  // namespace
}  // namespace deps
