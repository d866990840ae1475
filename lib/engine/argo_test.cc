#include "lib/engine/argo.h"

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "lib/diag/diagnostic.h"
#include "lib/engine/argo_render.h"
#include "lib/http/testing_server.h"
#include "lib/io/file.h"
#include "lib/json/json.h"

namespace deps {
namespace {

using json::Value;

constexpr char kWorkflows[] = "/apis/argoproj.io/v1alpha1/namespaces/dev/workflows";
constexpr char kRun[] = "dev/deps-01abc";

Plan OneTask(const std::string& word = "one") {
  Plan plan{.action = "install", .installation = {.name_space = "dev", .name = "shop"}};
  PlannedTask root{.id = "root", .action = "install", .installation = {.name = {"dev", "shop"}}};
  root.bundle.invocation_images = {{.image = "example.com/shop:1"}};
  root.parameters["word"] = {.value = json::ToText(Value::String(word))};
  plan.tasks = {root};
  plan.stages = {{"root"}};
  plan.digest = PlanDigest(plan);
  return plan;
}

constexpr char kLongAgo[] = "2026-01-02T03:04:05Z";

// The resource of OneTask as a server has it.
std::string Resource(const std::string& phase, const std::string& node_phase = "",
                     const std::string& version = "5", const std::string& shutdown = "",
                     const std::string& created = absl::FormatTime(absl::Now())) {
  const absl::StatusOr<JsonText> text =
      RenderArgo(OneTask(), {.name = "deps-01abc", .id = "01ABC", .revision = 1});
  EXPECT_TRUE(text.ok()) << text.status();
  Value resource = Value::Of(*text);
  resource.Find("metadata")->Set("resourceVersion", Value::String(version));
  resource.Find("metadata")->Set("creationTimestamp", Value::String(created));
  if (!shutdown.empty()) resource.Find("spec")->Set("shutdown", Value::String(shutdown));
  Value nodes = Value::Object();
  if (!node_phase.empty()) {
    nodes.Set("deps-01abc-7", Value::Object({{"id", Value::String("deps-01abc-7")},
                                             {"name", Value::String("deps-01abc.root")},
                                             {"templateName", Value::String("root")},
                                             {"type", Value::String("Pod")},
                                             {"phase", Value::String(node_phase)}}));
  }
  resource.Set("status", Value::Object({{"phase", Value::String(phase)}, {"nodes", nodes}}));
  return json::Canonical(resource);
}

std::string Event(const std::string& type, const std::string& object) {
  return absl::StrCat(R"({"type":")", type, R"(","object":)", object, "}");
}

std::string Ok(const std::string& body) { return Answer("200 OK", {}, body); }

std::string Kind(const std::string& status, const std::string& message) {
  return Answer(status, {}, absl::StrCat(R"({"kind":"Status","message":")", message, "\"}"));
}

std::string Pod(const std::string& name, const std::string& node, const std::string& phase) {
  const Value annotations =
      Value::Object({{"workflows.argoproj.io/node-name", Value::String(node)}});
  return json::Canonical(Value::Object(
      {{"metadata", Value::Object({{"name", Value::String(name)}, {"annotations", annotations}})},
       {"status", Value::Object({{"phase", Value::String(phase)}})}}));
}

std::string Pods(const std::vector<std::string>& pods) {
  return Ok(absl::StrCat(R"({"items":[)", absl::StrJoin(pods, ","), "]}"));
}

// A server that gives prepared answers, and an engine that asks it.
class ArgoTest : public testing::Test {
 protected:
  ArgoTest()
      : folder_(*TemporaryFolder::Create("argo-test")), server_([this](const std::string& request) {
          requests_.push_back(request.substr(0, request.find(" HTTP/1.1")));
          bodies_.push_back(request.substr(request.find("\r\n\r\n") + 4));
          heads_.push_back(request.substr(0, request.find("\r\n\r\n")));
          if (answers_.empty()) return Kind("404 Not Found", "nothing is prepared");
          std::string answer = answers_.front();
          if (answers_.size() > 1 || !repeat_) answers_.pop_front();
          return answer;
        }) {
    environment_["KUBECONFIG"] = folder_.path() + "/config";
    EXPECT_TRUE(WriteFile(environment_["KUBECONFIG"],
                          absl::StrCat("current-context: here\ncontexts:\n- name: here\n  context: "
                                       "{cluster: c, user: u, namespace: dev}\nclusters:\n- name: "
                                       "c\n  cluster: {server: '",
                                       server_.url(),
                                       "'}\nusers:\n- name: u\n  user: {token: kube-token}\n"))
                    .ok());
  }

  std::unique_ptr<Engine> NewEngine(const std::string& config = "{}") {
    const absl::StatusOr<ArgoConfig> argo = ParseArgoConfig({config}, folder_.path());
    EXPECT_TRUE(argo.ok()) << argo.status();
    return MakeArgoEngine(
        *argo,
        [this](std::string_view name) -> std::optional<std::string> {
          const auto found = environment_.find(std::string(name));
          if (found == environment_.end()) return std::nullopt;
          return found->second;
        },
        [this](absl::Duration duration) { slept_ += duration; });
  }
  std::unique_ptr<Engine> NewServerEngine() {
    return NewEngine(absl::StrCat(R"({"server":")", server_.url(), R"("})"));
  }

  static EngineRun Run() { return {.id = "01ABC", .plan = OneTask()}; }

  TemporaryFolder folder_;
  std::deque<std::string> answers_;
  bool repeat_ = false;  // The last answer is given again and again.
  std::vector<std::string> requests_;
  std::vector<std::string> bodies_;
  std::vector<std::string> heads_;
  absl::Duration slept_;
  std::map<std::string, std::string> environment_;
  TestingServer server_;
};

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

TEST_F(ArgoTest, ErrorsOfTheServerAreErrorsOfAnEngine) {
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

TEST_F(ArgoTest, ABusyServerIsAskedAgain) {
  answers_ = {Kind("500 Internal Server Error", "etcd is away"), "",
              Answer("429 Too Many Requests", {"Retry-After: 7"}),
              Answer("201 Created", {}, Resource(""))};
  const absl::Status status = NewEngine()->Submit(Run()).status();
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_EQ(requests_.size(), 4U);
  EXPECT_GE(slept_, absl::Seconds(7));
  EXPECT_LE(slept_, absl::Seconds(10));
}

TEST_F(ArgoTest, ATokenThatIsRefusedIsGotAnew) {
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

TEST_F(ArgoTest, AWatchThatIsLostGoesOnAndListsWhereTheServerForgot) {
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

TEST_F(ArgoTest, AWatchEndsWhereTheRunIsDeletedOrTheServerStaysAway) {
  answers_ = {Ok(absl::StrCat(R"({"metadata":{"resourceVersion":"5"},"items":[)",
                              Resource("Running"), "]}")),
              Ok(absl::StrCat(Event("DELETED", Resource("Running")), "\n"))};
  const auto all = [](const EngineStatus&) { return true; };
  EXPECT_TRUE(HasId(NewEngine()->Watch(kRun, "", all), DiagnosticId::kEngineUnknownRun));
  answers_ = {Kind("503 Service Unavailable", "not now")};
  repeat_ = true;
  EXPECT_TRUE(HasId(NewEngine()->Watch(kRun, "", all), DiagnosticId::kEngineUnavailable));
}

TEST_F(ArgoTest, LogsAreThoseOfPodsWithTheWorkflowsLabel) {
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

TEST_F(ArgoTest, AFollowedLogGoesOnAfterTheLastLine) {
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

TEST_F(ArgoTest, CheckTellsWhatIsNotAllowed) {
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

TEST_F(ArgoTest, AnArgoServerIsAskedInItsOwnWay) {
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

TEST_F(ArgoTest, AnArgoServersEventsAreWatched) {
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
