#include "lib/model/plan.h"

#include "gtest/gtest.h"
#include "lib/diag/diagnostic.h"

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
