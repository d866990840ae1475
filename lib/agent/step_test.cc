#include "lib/agent/step.h"

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "lib/diag/diagnostic.h"
#include "lib/json/json.h"

namespace deps {
namespace {

constexpr char kTask[] = R"("task": {"id": "root", "action": "install",
  "bundle": {"name": "shop", "version": "1.0.0",
    "parameters": {"host": {"type": "string", "destination": {"env": "HOST"}},
                   "count": {"type": "integer", "default": 3, "destination": {"path": "etc/count"}},
                   "pin": {"type": "string", "sensitive": true, "destination": {"env": "PIN"}}},
    "credentials": {"token": {"required": true, "destination": {"env": "TOKEN"}}},
    "outputs": {"port": {"type": "integer", "path": "/cnab/app/outputs/port", "default": 80}},
    "actions": {}, "provides": [], "images": {}, "invocationImages": [{"image": "example.com/s:1"}]},
  "installation": {"namespace": "dev", "name": "shop"}, "needs": [], "stage": 0,
  "parameters": {"host": {"template": "${a}.${b}", "inputs": {
                    "a": {"output": {"task": "root/db", "name": "host"}}, "b": {"value": "local"}}},
                 "pin": {"secret": "vault:kv/pin"}},
  "credentials": {"token": {"secret": "vault:kv/token"}},
  "outputs": {"port": {"path": "/cnab/app/outputs/port", "type": "integer"},
              "key": {"path": "/cnab/app/outputs/key", "type": "", "sensitive": true,
                      "sink": "vault:kv/out"}}})";

std::string Step(std::string_view rest) {
  return absl::StrCat(R"({"apiVersion": "cnab-deps/v1", "kind": "Step", "plan": "sha256:00", )",
                      kTask, rest, "}");
}

constexpr std::string_view kRest =
    R"(, "dependencies": {"db": "{\"name\":\"db\"}"}, "inputs": [{"task": "root/db", "name": "host", "variable": "DEPS_INPUT_0"}],
       "outputs": {"port": "/deps/public/port"})";

Getenv Variables(std::map<std::string, std::string, std::less<>> variables) {
  return [variables = std::move(variables)](std::string_view name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    return found == variables.end() ? std::nullopt : std::optional(found->second);
  };
}

TEST(ParseStepTest, IsTheSameInJsonAndInBase64) {
  const std::string text = Step(kRest);
  const absl::StatusOr<AgentStep> plain = ParseStep({"step", text});
  ASSERT_TRUE(plain.ok()) << plain.status();
  const absl::StatusOr<AgentStep> packed =
      ParseStep({"step", absl::StrCat(absl::Base64Escape(text), "\n")});
  ASSERT_TRUE(packed.ok()) << packed.status();
  EXPECT_EQ(packed->task, plain->task);
  EXPECT_EQ(plain->outputs.at("port"), "/deps/public/port");
  EXPECT_EQ(plain->inputs[0].item, (TaskItem{"root/db", "host"}));
}

TEST(ParseStepTest, RefusesWhatIsNone) {
  const struct {
    std::string text;
    DiagnosticId id;
  } kRows[] = {
      {"not base64!", DiagnosticId::kJsonSyntax},
      {R"({"apiVersion": "cnab-deps/v1", "kind": "Plan"})", DiagnosticId::kDocumentKind},
      {Step(R"(, "outputs": {"absent": "/x"})"), DiagnosticId::kDocumentValue},
      {Step(R"(, "unknown": 1)"), DiagnosticId::kDocumentMember},
      {Step(R"(, "dependencies": {"../db": "{}"})"), DiagnosticId::kDocumentValue},
  };
  for (const auto& row : kRows) {
    const absl::Status status = ParseStep({"step", row.text}).status();
    EXPECT_TRUE(HasId(status, row.id)) << row.text << status;
  }
}

TEST(TaskOfStepTest, OutputsOfOthersComeFromVariablesAndSecretsStayReferences) {
  const absl::StatusOr<AgentStep> step = ParseStep({"step", Step(kRest)});
  ASSERT_TRUE(step.ok()) << step.status();
  const Getenv getenv =
      Variables({{"DEPS_INPUT_0", "db \"1\"\n"}, {"DEPS_RUN", "run-1 1700000000"}});
  const absl::StatusOr<AgentTask> task = TaskOfStep(*step, getenv);
  ASSERT_TRUE(task.ok()) << task.status();
  std::map<std::string, AgentInput> inputs;
  for (const AgentInput& input : task->inputs) inputs[input.name] = input;
  EXPECT_EQ(inputs["host"].env, "HOST");
  EXPECT_EQ(inputs["host"].source.inputs.at("a").value.text, R"("db \"1\"\n")");
  EXPECT_EQ(inputs["count"].path, "/etc/count");
  EXPECT_EQ(inputs["count"].source.value.text, "3");
  EXPECT_EQ(inputs["token"].source.text, "vault:kv/token");
  EXPECT_TRUE(inputs["token"].sensitive);
  // The claim says what may be told.
  const json::Value claim = json::Value::Of({task->files.at("/cnab/claim.json")});
  EXPECT_EQ(json::Canonical(*claim.Find("parameters")), R"({"count":3,"host":"db \"1\"\n.local"})");
  EXPECT_EQ(task->files.at("/cnab/app/dependencies/db/bundle.json"), R"({"name":"db"})");
  ASSERT_EQ(task->outputs.size(), 2U);
  EXPECT_EQ(task->outputs[0].sink, "vault:kv/out");
  EXPECT_EQ(task->outputs[0].file, "");
  EXPECT_EQ(task->outputs[1].file, "/deps/public/port");
  EXPECT_EQ(task->outputs[1].default_value->text, "80");
}

TEST(TaskOfStepTest, AllAttemptsInARunHaveOneRevision) {
  const AgentStep step = *ParseStep({"step", Step(kRest)});
  const auto revision = [&](const std::string& run) {
    return TaskOfStep(step, Variables({{"DEPS_INPUT_0", "x"}, {"DEPS_RUN", run}}))
        ->environment.at("CNAB_REVISION");
  };
  EXPECT_EQ(revision("run-1 1700000000"), revision("run-1 1700000000"));
  EXPECT_NE(revision("run-1 1700000000"), revision("run-2 1700000000"));
  EXPECT_NE(revision(""), revision(""));
  EXPECT_EQ(revision("").size(), 26U);
}

TEST(TaskOfStepTest, RefusesWhatIsNotGiven) {
  const AgentStep step = *ParseStep({"step", Step(kRest)});
  EXPECT_TRUE(HasId(TaskOfStep(step, Variables({})).status(), DiagnosticId::kDocumentValue));
  AgentStep without = step;
  without.task.credentials.clear();
  EXPECT_TRUE(HasId(TaskOfStep(without, Variables({{"DEPS_INPUT_0", "x"}})).status(),
                    DiagnosticId::kBundleInvalid));
  AgentStep reserved = step;
  reserved.task.bundle.parameters["host"].destination.env = "CNAB_ACTION";
  EXPECT_TRUE(HasId(TaskOfStep(reserved, Variables({{"DEPS_INPUT_0", "x"}})).status(),
                    DiagnosticId::kBundleInvalid));
}

}  // namespace
}  // namespace deps
