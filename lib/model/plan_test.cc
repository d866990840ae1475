#include "lib/model/plan.h"

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "gtest/gtest.h"
#include "lib/base/status_macros.h"
#include "lib/diag/diagnostic.h"
#include "lib/io/large_text.h"
#include "lib/json/json.h"
#include "lib/model/plan_reader.h"
#include "lib/model/planned_task.h"

namespace deps {
namespace {

Plan Family() {
  ValueSource port{.kind = ValueSource::Kind::kParameter, .item = {"root", "port"}};
  ValueSource host{.kind = ValueSource::Kind::kOutput, .item = {"root/db", "host"}};
  Plan plan{.action = "install", .installation = {"dev", "myenv"}};
  PlannedTask db{.id = "root/db", .action = "skip", .bundle = {.name = "db"}};
  db.installation = {.name = {"dev", "db"}, .labels = {{"sh.porter.SharingGroup", "g"}}};
  db.outputs["host"] = {.path = "/cnab/app/outputs/host", .type = "string", .sensitive = true};
  PlannedTask root{.id = "root", .action = "install", .bundle = {.name = "myenv"}};
  root.installation.name = {"dev", "myenv"};
  root.needs = {"root/db"};
  root.stage = 1;
  root.parameters["port"] = {.value = JsonText{R"({"a":[1,null]})"}};
  root.parameters["url"] = {.kind = ValueSource::Kind::kTemplate,
                            .text = "https://${host}:${port}/app",
                            .inputs = {{"host", host}, {"port", port}}};
  root.credentials["token"] = {.kind = ValueSource::Kind::kSecret, .text = "env:TOKEN"};
  plan.tasks = {db, root};
  plan.stages = {{"root/db"}, {"root"}};
  plan.outputs["host"] = host;
  plan.unmapped_parameters = {{"root", "size", false}};
  plan.digest = PlanDigest(plan);
  return plan;
}

std::vector<std::string> Messages(Plan plan) {
  plan.digest = PlanDigest(plan);
  std::vector<std::string> messages;
  for (const Diagnostic& d : DiagnosticsOf(ParsePlan({"p", FormatPlan(plan)}).status())) {
    messages.push_back(d.location.pointer + ": " + d.message);
  }
  return messages;
}

TEST(PlanTest, ReadsWhatItWrites) {
  const Plan plan = Family();
  const absl::StatusOr<Plan> read = ParsePlan({"p.json", FormatPlan(plan)});
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(*read, plan);
}

TEST(PlanTest, RefusesAPlanThatIsNotWhatItsDigestSays) {
  Plan plan = Family();
  plan.tasks[1].parameters["port"].value = JsonText{"2"};
  EXPECT_TRUE(HasId(ParsePlan({"p", FormatPlan(plan)}).status(), DiagnosticId::kDigestMismatch));
}

TEST(PlanTest, RefusesWhatCannotBeRunInOrder) {
  Plan plan = Family();
  plan.tasks[1].needs = {"root/x"};
  EXPECT_EQ(Messages(plan),
            std::vector<std::string>{"/tasks: task 'root' needs 'root/x', which is no task"});
  plan = Family();
  plan.tasks[0].needs = {"root"};
  EXPECT_EQ(Messages(plan),
            std::vector<std::string>{"/tasks: task 'root/db' of stage 0 needs 'root' of stage 1"});
  plan = Family();
  plan.stages = {{"root/db", "root"}, {}};
  EXPECT_EQ(Messages(plan),
            std::vector<std::string>{"/stages: stage 0 lists task 'root' of stage 1"});
  plan = Family();
  plan.tasks[1].parameters["url"].inputs["host"].item.task = "root/y";
  EXPECT_EQ(
      Messages(plan),
      std::vector<std::string>{"/tasks: task 'root' takes 'host' from 'root/y', which is no task"});
}

// What a reader tells, put together again.
absl::StatusOr<Plan> ReadInParts(const std::string& text) {
  LargeText large("p");
  DEPS_RETURN_IF_ERROR(large.Append(text));
  DEPS_RETURN_IF_ERROR(large.Seal());
  DEPS_ASSIGN_OR_RETURN(const PlanReader reader, PlanReader::Open(std::move(large)));
  return reader.Whole();
}

TEST(PlanReaderTest, TellsOrRefusesWhatParsePlanDoes) {
  const struct {
    std::string name;
    std::function<void(Plan&)> change;
  } kRows[] = {
      {"as deps-plan writes it", [](Plan&) {}},
      {"tasks in another order", [](Plan& plan) { std::swap(plan.tasks[0], plan.tasks[1]); }},
      {"a task twice", [](Plan& plan) { plan.tasks.push_back(plan.tasks[1]); }},
      {"a need that is no task", [](Plan& plan) { plan.tasks[1].needs = {"root/x"}; }},
      {"a need of the same stage", [](Plan& plan) { plan.tasks[1].stage = 0; }},
      {"a source that comes later",
       [](Plan& plan) {
         plan.tasks[0].parameters["a"] = {.kind = ValueSource::Kind::kOutput,
                                          .item = {"root", "b"}};
       }},
      {"a source that is no task",
       [](Plan& plan) { plan.tasks[1].parameters["url"].inputs["host"].item.task = "root/y"; }},
      {"an output that is of no task", [](Plan& plan) { plan.outputs["host"].item.task = "x"; }},
      {"stages that leave a task out", [](Plan& plan) { plan.stages[1].clear(); }},
      {"stages with a task of another",
       [](Plan& plan) {
         plan.stages = {{"root/db", "root"}};
       }},
      {"no task",
       [](Plan& plan) {
         plan = {.action = "install", .installation = {"a", "b"}};
       }},
  };
  for (const auto& row : kRows) {
    Plan plan = Family();
    row.change(plan);
    plan.digest = PlanDigest(plan);
    for (const json::Style style : {json::Style::kPretty, json::Style::kCompact}) {
      const std::string text = FormatPlan(plan, style);
      EXPECT_EQ(ReadInParts(text), ParsePlan({"p", text})) << row.name;
    }
  }
}

TEST(PlanReaderTest, TellsOrRefusesTextsAsParsePlanDoes) {
  const std::string text = FormatPlan(Family());
  const auto replaced = [&](const std::string& old, const std::string& with) {
    std::string changed = text;
    changed.replace(changed.find(old), old.size(), with);
    return changed;
  };
  const struct {
    std::string name;
    std::string text;
  } kRows[] = {
      {"nothing", ""},
      {"another kind", replaced("\"Plan\"", "\"Graph\"")},
      {"a digest of something else", replaced("env:TOKEN", "env:OTHER")},
      {"no tasks", replaced("\"tasks\"", "\"task\"")},
      {"tasks that are no list", replaced("\"tasks\": [", "\"tasks\": 1, \"more\": [")},
      {"tasks twice", replaced("\"tasks\": [", "\"tasks\": [], \"tasks\": [")},
      {"an unknown member of a task", replaced("\"needs\"", "\"wants\"")},
      {"an unknown member", replaced("\"stages\"", "\"extra\": 1, \"stages\"")},
      {"a text that ends early", text.substr(0, text.size() / 2)},
      {"a text that goes on", text + "{}"},
      {"members in another order",
       [&] {
         const json::Value value = *json::Parse({"p", text});
         return json::Canonical(value);
       }()},
  };
  for (const auto& row : kRows) {
    EXPECT_EQ(ReadInParts(row.text), ParsePlan({"p", row.text})) << row.name;
  }
}

TEST(PlanReaderTest, TellsAPlanThatIsInMemory) {
  const Plan plan = Family();
  const PlanReader reader(plan);
  Plan told = reader.head();
  EXPECT_TRUE(told.tasks.empty());
  EXPECT_EQ(reader.ForEachTask([&](const PlannedTask& task) {
    told.tasks.push_back(task);
    return absl::OkStatus();
  }),
            absl::OkStatus());
  EXPECT_EQ(told, plan);
}

TEST(PlanReaderTest, AnErrorEndsTheReading) {
  const Plan plan = Family();
  int count = 0;
  EXPECT_EQ(PlanReader(plan).ForEachTask([&](const PlannedTask&) {
    ++count;
    return absl::AbortedError("enough");
  }),
            absl::AbortedError("enough"));
  EXPECT_EQ(count, 1);
}

TEST(PlannedTaskTest, ReadsWhatItWrites) {
  for (const PlannedTask& task : Family().tasks) {
    const std::string text = FormatPlannedTask(task);
    EXPECT_EQ(text.find('\n'), std::string::npos);
    EXPECT_EQ(ParsePlannedTask({"t", text}), absl::StatusOr<PlannedTask>(task));
  }
}

TEST(PlanTest, RefusesASourceOfTwoKindsOrNone) {
  std::string text = FormatPlan(Family());
  const std::string secret = "\"secret\": \"env:TOKEN\"";
  for (const std::string& other : {std::string("\"inputs\": {}"), secret + ", \"value\": 1"}) {
    std::string changed = text;
    changed.replace(changed.find(secret), secret.size(), other);
    EXPECT_TRUE(HasId(ParsePlan({"p", changed}).status(), DiagnosticId::kDocumentValue)) << other;
  }
}

}  // namespace
}  // namespace deps
