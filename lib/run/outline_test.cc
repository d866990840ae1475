#include "lib/run/outline.h"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "lib/diag/diagnostic.h"
#include "lib/io/file.h"
#include "lib/model/plan.h"
#include "lib/model/plan_reader.h"
#include "lib/state/open_store.h"
#include "lib/state/owner.h"
#include "lib/state/store.h"

namespace deps {
namespace {

class OutlineTest : public testing::Test {
 protected:
  absl::StatusOr<Outline> OutlineOf(const Plan& plan) {
    const absl::StatusOr<TemporaryFolder> folder = TemporaryFolder::Create("outline-test");
    const std::unique_ptr<Store> store =
        *OpenStore(absl::StrCat("sqlite:", folder->path(), "/state.db"));
    EXPECT_EQ(store->Register(ThisProcess(), absl::Seconds(30)), absl::OkStatus());
    EXPECT_EQ(store->CreateWorkflow("W", PlanReader(plan), {}, ThisProcess()), absl::OkStatus());
    return ReadOutline("W", *store);
  }

  static PlannedTask Task(const std::string& id, std::vector<std::string> needs = {}) {
    PlannedTask task = {.id = id, .action = "install", .bundle = {.name = "b"}};
    task.installation.name = {"dev", id};
    task.needs = std::move(needs);
    return task;
  }
};

TEST_F(OutlineTest, KnowsWhatATaskNeedsInWhateverOrderTasksAre) {
  Plan plan;
  plan.tasks = {Task("root", {"root/b", "root/a"}), Task("root/a"), Task("root/b", {"root/a"})};
  plan.tasks[1].action = "skip";
  const absl::StatusOr<Outline> outline = OutlineOf(plan);
  ASSERT_TRUE(outline.ok()) << outline.status();
  ASSERT_EQ(outline->tasks.size(), 3u);
  EXPECT_EQ(outline->tasks[0].id, "root");
  EXPECT_EQ(outline->tasks[0].needs, (std::vector<uint32_t>{1, 2}));
  EXPECT_EQ(outline->tasks[1].needs, (std::vector<uint32_t>{}));
  EXPECT_EQ(outline->tasks[2].needs, (std::vector<uint32_t>{1}));
  EXPECT_FALSE(outline->tasks[0].skipped);
  EXPECT_TRUE(outline->tasks[1].skipped);
  EXPECT_FALSE(outline->makes_secrets);
}

TEST_F(OutlineTest, KnowsWhereSecretsComeFromAndWhetherSomeAreMade) {
  using Kind = ValueSource::Kind;
  Plan plan;
  plan.tasks = {Task("root"), Task("root/a")};
  const ValueSource secret = {.kind = Kind::kSecret, .text = "env:TOKEN"};
  plan.tasks[0].credentials["token"] = secret;
  plan.tasks[1].parameters["url"] = {
      .kind = Kind::kTemplate,
      .text = "${password}",
      .inputs = {{"password", {.kind = Kind::kSecret, .text = "env:PASSWORD"}}}};
  plan.tasks[1].parameters["file"] = {.kind = Kind::kSecret, .text = "file:/x"};
  plan.tasks[1].outputs["key"] = {.sensitive = true};
  const absl::StatusOr<Outline> outline = OutlineOf(plan);
  ASSERT_TRUE(outline.ok()) << outline.status();
  EXPECT_TRUE(outline->secret_variables.contains("TOKEN"));
  EXPECT_TRUE(outline->secret_variables.contains("PASSWORD"));
  EXPECT_FALSE(outline->secret_variables.contains("/x"));
  EXPECT_TRUE(outline->makes_secrets);
}

TEST_F(OutlineTest, RefusesANeedThatIsNoTask) {
  Plan plan;
  plan.tasks = {Task("root", {"root/x"})};
  EXPECT_TRUE(HasId(OutlineOf(plan).status(), DiagnosticId::kDocumentValue));
}

}  // namespace
}  // namespace deps
