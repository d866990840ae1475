#include "lib/engine/argo/api.h"

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "lib/diag/diagnostic.h"
#include "lib/engine/argo/testing_argo.h"
#include "lib/http/testing_server.h"
#include "lib/io/file.h"
#include "lib/json/json.h"

namespace deps {
namespace {

using json::Value;

class ArgoApiTest : public ArgoTest {};

TEST_F(ArgoApiTest, ErrorsOfTheServerAreErrorsOfAnEngine) {
  struct Row {
    std::string answer;
    DiagnosticId id;
    std::string message;
  };
  const std::vector<Row> rows = {
      {Kind("403 Forbidden", "workflows is forbidden"), DiagnosticId::kEngineDenied,
       "workflows is forbidden"},
      {Kind("401 Unauthorized", "Unauthorized"), DiagnosticId::kEngineDenied, "Unauthorized"},
      {Kind("422 Unprocessable Entity", "unknown field"), DiagnosticId::kEngineRefused,
       "unknown field"},
      {Kind("404 Not Found", "no namespace dev"), DiagnosticId::kEngineRefused, "no namespace dev"},
      {Kind("500 Internal Server Error", "etcd is away"), DiagnosticId::kEngineUnavailable,
       "etcd is away"},
      {Answer("429 Too Many Requests", {"Retry-After: 3600"}), DiagnosticId::kEngineUnavailable,
       "the server answers with status 429"},
      {Answer("502 Bad Gateway", {}, "<html>"), DiagnosticId::kEngineUnavailable,
       "the server answers with status 502"},
      {"no HTTP at all\r\n\r\n", DiagnosticId::kEngineRefused, ""},
  };
  repeat_ = true;
  for (const Row& row : rows) {
    answers_ = {row.answer};
    const absl::Status status = NewEngine()->Submit(Run()).status();
    EXPECT_TRUE(HasId(status, row.id)) << row.answer << "\n" << status;
    if (row.message.empty()) continue;
    EXPECT_EQ(DiagnosticsOf(status).front().message, row.message);
  }
}

TEST_F(ArgoApiTest, ABusyServerIsAskedAgain) {
  answers_ = {Kind("500 Internal Server Error", "etcd is away"), "",
              Answer("429 Too Many Requests", {"Retry-After: 7"}),
              Answer("201 Created", {}, Resource(""))};
  const absl::Status status = NewEngine()->Submit(Run()).status();
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_EQ(requests_.size(), 4U);
  EXPECT_GE(slept_, absl::Seconds(7));
  EXPECT_LE(slept_, absl::Seconds(10));
}

TEST_F(ArgoApiTest, ATokenThatIsRefusedIsGotAnew) {
  // Each call of the program gives another token.
  const std::string counter = folder_.path() + "/count";
  EXPECT_TRUE(
      WriteFile(environment_["KUBECONFIG"],
                absl::StrCat("current-context: here\ncontexts:\n- name: here\n  context: "
                             "{cluster: c, user: u, namespace: dev}\nclusters:\n- name: "
                             "c\n  cluster: {server: '",
                             server_.url(),
                             "'}\nusers:\n- name: u\n  user:\n    exec:\n      apiVersion: "
                             "client.authentication.k8s.io/v1\n      command: sh\n      "
                             "args:\n      - -c\n      - echo >>",
                             counter, "; printf '{\"status\":{\"token\":\"t%s\"}}' $(wc -l <",
                             counter, ")\n"))
          .ok());
  answers_ = {Kind("401 Unauthorized", "expired"), Ok(Resource("Pending"))};
  const absl::Status status = NewEngine()->Status(kRun).status();
  EXPECT_TRUE(status.ok()) << status;
  ASSERT_EQ(heads_.size(), 2U);
  EXPECT_TRUE(absl::StrContains(heads_[0], "Bearer t1"));
  EXPECT_TRUE(absl::StrContains(heads_[1], "Bearer t2"));
}

TEST_F(ArgoApiTest, AWatchThatIsLostGoesOnAndListsWhereTheServerForgot) {
  const auto list = [](const std::string& version, const std::string& item) {
    return Ok(absl::StrCat(R"({"metadata":{"resourceVersion":")", version, R"("},"items":[)", item,
                           "]}"));
  };
  const std::string bookmark = Event("BOOKMARK", R"({"metadata":{"resourceVersion":"9"}})");
  answers_ = {
      list("5", Resource("", "", "5")),
      // A change that is told twice, a bookmark, and the end of the stream.
      Ok(absl::StrCat(Event("MODIFIED", Resource("Running", "Running", "7")), "\n",
                      Event("MODIFIED", Resource("Running", "Running", "8")), "\n", bookmark,
                      "\n")),
      Answer("410 Gone"),
      list("20", Resource("Running", "Running", "18")),
      Ok(absl::StrCat(Event("ERROR", R"({"kind":"Status","code":410})"), "\n")),
      list("30", Resource("Running", "Running", "18")),
      Ok("half an event"),
      list("40", Resource("Running", "Running", "18")),
      Ok(absl::StrCat(Event("MODIFIED", Resource("Succeeded", "Succeeded", "41")), "\n")),
  };
  std::vector<std::string> told;
  const absl::Status status = NewEngine()->Watch(kRun, "", [&](const EngineStatus& event) {
    if (!event.workflow.id.empty()) told.push_back(event.workflow.status);
    return true;
  });
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_EQ(told, (std::vector<std::string>{"pending", "running", "succeeded"}));
  const std::string watch =
      absl::StrCat("GET ", kWorkflows,
                   "?watch=1&allowWatchBookmarks=true&fieldSelector=metadata.name%3Ddeps-01abc"
                   "&resourceVersion=");
  ASSERT_EQ(requests_.size(), 9U);
  EXPECT_EQ(requests_[0],
            absl::StrCat("GET ", kWorkflows, "?fieldSelector=metadata.name%3Ddeps-01abc"));
  EXPECT_EQ(requests_[1], watch + "5");
  EXPECT_EQ(requests_[2], watch + "9");
  EXPECT_EQ(requests_[4], watch + "20");
  EXPECT_EQ(requests_[8], watch + "40");
}

TEST_F(ArgoApiTest, AWatchEndsWhereTheRunIsDeletedOrTheServerStaysAway) {
  answers_ = {Ok(absl::StrCat(R"({"metadata":{"resourceVersion":"5"},"items":[)",
                              Resource("Running"), "]}")),
              Ok(absl::StrCat(Event("DELETED", Resource("Running")), "\n"))};
  const auto all = [](const EngineStatus&) { return true; };
  EXPECT_TRUE(HasId(NewEngine()->Watch(kRun, "", all), DiagnosticId::kEngineUnknownRun));
  answers_ = {Kind("503 Service Unavailable", "not now")};
  repeat_ = true;
  EXPECT_TRUE(HasId(NewEngine()->Watch(kRun, "", all), DiagnosticId::kEngineUnavailable));
}

TEST_F(ArgoApiTest, LogsAreThoseOfPodsWithTheWorkflowsLabel) {
  answers_ = {
      Ok(Resource("Succeeded", "Succeeded")),
      Pods({Pod("b", "deps-01abc.root(1)", "Succeeded"), Pod("a", "deps-01abc.root(0)", "Failed"),
            Pod("x", "other", "Failed")}),
      Ok("2026-01-02T03:04:05.000000001Z first try\n"),
      Ok("2026-01-02T03:04:06.000000001Z second try\n2026-01-02T03:04:06.000000001Z\nno time\n")};
  std::vector<LogLine> lines;
  const absl::Status status =
      NewEngine()->Logs({.run = kRun, .task = "root"}, [&](const LogLine& line) {
        lines.push_back(line);
        return absl::OkStatus();
      });
  EXPECT_TRUE(status.ok()) << status;
  const std::vector<LogLine> expected = {{"2026-01-02T03:04:05.000000001Z", "root", "first try"},
                                         {"2026-01-02T03:04:06.000000001Z", "root", "second try"},
                                         {"2026-01-02T03:04:06.000000001Z", "root", ""},
                                         {"", "root", "no time"}};
  EXPECT_EQ(lines, expected);
  EXPECT_EQ(requests_[1],
            "GET /api/v1/namespaces/dev/pods?labelSelector=workflows.argoproj.io%2Fworkflow%3D"
            "deps-01abc");
  EXPECT_EQ(requests_[2], "GET /api/v1/namespaces/dev/pods/a/log?container=main&timestamps=true");
}

TEST_F(ArgoApiTest, AFollowedLogGoesOnAfterTheLastLine) {
  const std::string pods = Pods({Pod("a", "deps-01abc.root", "Running")});
  const std::string running = Ok(Resource("Running", "Running"));
  answers_ = {running,
              pods,
              Kind("400 Bad Request", "container main is waiting to start"),
              running,
              pods,
              Ok("2026-01-02T03:04:05.1Z one\n2026-01-02T03:04:05.2Z two\n"
                 "2026-01-02T03:04:05.2Z two again\n"),
              Ok(Resource("Succeeded", "Succeeded")),
              pods,
              Ok("2026-01-02T03:04:05.1Z one\n2026-01-02T03:04:05.2Z two\n"
                 "2026-01-02T03:04:05.2Z two again\n2026-01-02T03:04:05.2Z two more\n"
                 "2026-01-02T03:04:06Z three\n")};
  std::vector<std::string> lines;
  const absl::Status status =
      NewEngine()->Logs({.run = kRun, .follow = true}, [&](const LogLine& line) {
        lines.push_back(line.text);
        return absl::OkStatus();
      });
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_EQ(lines, (std::vector<std::string>{"one", "two", "two again", "two more", "three"}));
  EXPECT_EQ(requests_.back(),
            "GET /api/v1/namespaces/dev/pods/a/log?container=main&timestamps=true&follow=true"
            "&sinceTime=2026-01-02T03%3A04%3A05Z");
}

TEST_F(ArgoApiTest, CheckTellsWhatIsNotAllowed) {
  const auto allowed = [](bool yes) {
    return Answer("201 Created", {},
                  absl::StrCat(R"({"status":{"allowed":)", yes ? "true" : "false", "}}"));
  };
  const std::string version = Ok(R"({"gitVersion":"v1.30.1","minor":"30+"})");
  answers_ = {version, Ok("{}")};
  for (const bool yes : {true, true, true, false, true, true, true, true}) {
    answers_.push_back(allowed(yes));
  }
  const absl::StatusOr<std::vector<Diagnostic>> found = NewEngine()->Check();
  ASSERT_TRUE(found.ok()) << found.status();
  ASSERT_EQ(found->size(), 1U);
  EXPECT_EQ(found->front().message, "in namespace dev you may not watch workflows");
  EXPECT_EQ(bodies_.back(),
            R"({"apiVersion":"authorization.k8s.io/v1","kind":"SelfSubjectAccessReview","spec":)"
            R"({"resourceAttributes":{"namespace":"dev","group":"","resource":"pods","verb":"get",)"
            R"("subresource":"log"}}})"
            "\n");
  answers_ = {version, Ok("{}"), allowed(false)};
  EXPECT_TRUE(HasId(NewEngine()->Check().status(), DiagnosticId::kEngineDenied));
  answers_ = {version, Kind("404 Not Found", "no such group")};
  EXPECT_TRUE(HasId(NewEngine()->Check().status(), DiagnosticId::kEngineRefused));
}

TEST_F(ArgoApiTest, WhatTheServerWouldRefuseIsToldAndNothingIsKept) {
  answers_ = {Ok(R"({"gitVersion":"v1.30.1","minor":"30+"})"), Ok("{}")};
  for (int i = 0; i < 8; ++i) {
    answers_.push_back(Answer("201 Created", {}, R"({"status":{"allowed":true}})"));
  }
  answers_.push_back(Kind("400 Bad Request", "unknown field"));
  absl::StatusOr<std::vector<Diagnostic>> found = NewEngine()->CheckRun(Run());
  ASSERT_TRUE(found.ok()) << found.status();
  ASSERT_EQ(found->size(), 1U);
  EXPECT_EQ(found->front().severity, Severity::kError);
  EXPECT_TRUE(absl::StrContains(found->front().message, "unknown field"));
  EXPECT_EQ(requests_.back(),
            absl::StrCat("POST ", kWorkflows, "?fieldValidation=Strict&dryRun=All"));

  environment_["ARGO_TOKEN"] = "Bearer argo-token";
  const std::string version = Ok(R"({"version":"v4.1.0"})");
  answers_ = {version, Ok("{}"), Ok(Resource(""))};
  found = NewServerEngine()->CheckRun(Run());
  ASSERT_TRUE(found.ok()) << found.status();
  EXPECT_TRUE(found->empty());
  EXPECT_EQ(requests_.back(), "POST /api/v1/workflows/dev/lint");
  answers_ = {version, Ok("{}"), Kind("503 Service Unavailable", "later")};
  repeat_ = true;
  EXPECT_TRUE(HasId(NewServerEngine()->CheckRun(Run()).status(), DiagnosticId::kEngineUnavailable));
}

TEST_F(ArgoApiTest, AnArgoServerIsAskedInItsOwnWay) {
  environment_["ARGO_TOKEN"] = "Bearer argo-token";
  answers_ = {Ok(Resource("")),
              Ok(Resource("Running")),
              Ok("{}"),
              Ok(Resource("Running", "Running", "5", "Stop")),
              Ok("{}"),
              Ok(Resource("Succeeded", "Succeeded")),
              Ok("data: {\"result\":{\"content\":\"2026-01-02T03:04:05Z hello\",\"podName\":\"p\"}}"
                 "\n\n"),
              Ok(Resource("Succeeded")),
              Ok("{}")};
  const auto engine = NewServerEngine();
  const absl::StatusOr<Submitted> submitted = engine->Submit(Run());
  ASSERT_TRUE(submitted.ok()) << submitted.status();
  EXPECT_TRUE(engine->Cancel({.run = kRun, .grace_seconds = 0}).ok());
  std::string text;
  EXPECT_TRUE(engine
                  ->Logs({.run = kRun},
                         [&](const LogLine& line) {
                           text += line.task + ": " + line.text;
                           return absl::OkStatus();
                         })
                  .ok());
  EXPECT_EQ(text, "root: hello");
  EXPECT_TRUE(engine->Delete(kRun).ok());
  const std::string one = "/api/v1/workflows/dev/deps-01abc";
  EXPECT_EQ(requests_, (std::vector<std::string>{
                           "POST /api/v1/workflows/dev", "GET " + one, "PUT " + one + "/stop",
                           "GET " + one, "PUT " + one + "/terminate", "GET " + one,
                           "GET " + one +
                               "/log?podName=deps-01abc-root-7&logOptions.container=main"
                               "&logOptions.timestamps=true",
                           "GET " + one, "DELETE " + one}));
  EXPECT_EQ(Value::Of({bodies_[0]}).Find("namespace")->text, "dev");
  EXPECT_TRUE(absl::StrContains(heads_[0], "Authorization: Bearer argo-token\r\n"));
}

TEST_F(ArgoApiTest, AnArgoServersEventsAreWatched) {
  answers_ = {Ok(Resource("", "", "5")),
              Ok(absl::StrCat("data: {\"result\":",
                              Event("MODIFIED", Resource("Failed", "Failed", "7")), "}\n\n"))};
  std::vector<std::string> told;
  const absl::Status status = NewServerEngine()->Watch(kRun, "", [&](const EngineStatus& event) {
    told.push_back(event.workflow.status);
    return true;
  });
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_EQ(told, (std::vector<std::string>{"pending", "failed"}));
  EXPECT_EQ(requests_[1],
            "GET /api/v1/workflow-events/dev?listOptions.fieldSelector=metadata.name%3Ddeps-01abc"
            "&listOptions.resourceVersion=5");
  EXPECT_TRUE(absl::StrContains(heads_[1], "Accept: text/event-stream"));
  // Without a token of its own it gets that of Kubernetes.
  EXPECT_TRUE(absl::StrContains(heads_[1], "Authorization: Bearer kube-token"));
}

}  // namespace
}  // namespace deps
