#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "lib/cli/env.h"
#include "lib/diag/diagnostic.h"
#include "lib/json/json.h"
#include "lib/model/plan.h"
#include "lib/state/open_store.h"
#include "lib/state/owner.h"
#include "lib/state/state_option.h"
#include "lib/state/store.h"
#include "lib/state/ulid.h"

namespace deps {
namespace {

class StoreTest : public testing::Test {
 protected:
  StoreTest() {
    std::string folder = absl::StrCat(testing::TempDir(), "/state-XXXXXX");
    url_ = absl::StrCat("sqlite:", mkdtemp(folder.data()), "/below/state.db");
    store_ = *OpenStore(url_);
    plan_.action = "install";
    plan_.digest = absl::StrCat("sha256:", std::string(64, '0'));
    plan_.installation = {"dev", "app"};
    for (const std::string id : {"root/db", "root"}) {
      PlannedTask task;
      task.id = id;
      task.action = "install";
      task.installation.name = {"dev", id};
      plan_.tasks.push_back(task);
    }
  }

  // A process that has died.
  static Owner Dead() {
    const pid_t pid = fork();
    if (pid == 0) _exit(0);
    Owner owner = ThisProcess();
    owner.pid = pid;
    owner.start_time = 1;
    waitpid(pid, nullptr, 0);
    return owner;
  }

  std::vector<std::string> Statuses(const std::string& id) {
    std::vector<std::string> statuses = {store_->Document(id)->status};
    const std::vector<WorkflowTask> tasks = store_->Document(id)->tasks;
    for (const WorkflowTask& task : tasks) statuses.push_back(task.status);
    return statuses;
  }

  std::string url_;
  std::unique_ptr<Store> store_;
  Plan plan_;
};

using Strings = std::vector<std::string>;

TEST_F(StoreTest, FollowsATaskFromClaimToOutput) {
  const Owner owner = ThisProcess();
  ASSERT_EQ(store_->CreateWorkflow("W", plan_, "podman", owner), absl::OkStatus());
  EXPECT_EQ(Statuses("W"), (Strings{"running", "pending", "pending"}));
  const absl::StatusOr<Claim> claim = store_->ClaimTask("W", plan_.tasks[0], owner);
  ASSERT_TRUE(claim.ok()) << claim.status();
  EXPECT_EQ(claim->attempt, 1);
  EXPECT_TRUE(IsUlid(claim->revision));
  EXPECT_TRUE(
      HasId(store_->ClaimTask("W", plan_.tasks[0], owner).status(), DiagnosticId::kRunBusy));
  const std::vector<StoredOutput> outputs = {
      {.name = "host", .value = {"\"db\""}},
      {.name = "token", .sensitive = true, .box = std::string("\1\0box", 5), .ref = "state:x"}};
  Installation installation;
  installation.id = NewUlid();
  installation.name = {"dev", "root/db"};
  installation.installed_at = NowText();
  installation.created = installation.installed_at;
  installation.modified = installation.installed_at;
  ASSERT_EQ(store_->FinishTask(*claim, {.status = "succeeded",
                                        .exit_code = 0,
                                        .outputs = outputs,
                                        .installation = installation,
                                        .run_id = NewUlid(),
                                        .run_document = "{}",
                                        .result_id = NewUlid(),
                                        .result_document = "{}"}),
            absl::OkStatus());
  EXPECT_EQ(*store_->Outputs("W", "root/db"), outputs);
  EXPECT_EQ(*store_->InstallationOutputs({"dev", "root/db"}), outputs);
  ASSERT_EQ(store_->Installations()->size(), 1u);
  EXPECT_TRUE(store_->Installations()->front().IsInstalled());
  const WorkflowTask shown = store_->Document("W")->tasks[0];
  EXPECT_EQ(shown.outputs.at("host").value, JsonText{"\"db\""});
  EXPECT_EQ(shown.outputs.at("token").value, std::nullopt);
  EXPECT_EQ(shown.outputs.at("token").ref, "state:x");
  EXPECT_TRUE(HasId(store_->FinishTask(*claim, {.status = "failed"}), DiagnosticId::kRunBusy));
  Strings types;
  const std::vector<StoredEvent> events = *store_->Events("W", 0);
  for (const StoredEvent& event : events) types.push_back(event.type);
  EXPECT_EQ(types, (Strings{"workflow.running", "task.running", "task.succeeded"}));
}

TEST_F(StoreTest, GivesAWorkflowOfADeadProcessToAnother) {
  const Owner dead = Dead();
  ASSERT_FALSE(IsAlive(dead));
  ASSERT_EQ(store_->CreateWorkflow("W", plan_, "podman", dead), absl::OkStatus());
  const absl::StatusOr<Claim> old = store_->ClaimTask("W", plan_.tasks[0], dead);
  ASSERT_EQ(store_->SetTraces(*old, "traces"), absl::OkStatus());
  EXPECT_EQ(Statuses("W"), (Strings{"running", "unknown", "pending"}));

  const Owner owner = ThisProcess();
  ASSERT_TRUE(IsAlive(owner));
  ASSERT_EQ(store_->TakeWorkflow("W", "podman", owner), absl::OkStatus());
  EXPECT_EQ(Statuses("W"), (Strings{"running", "pending", "pending"}));
  EXPECT_EQ(store_->Traces("W")->at("root/db"), "traces");
  EXPECT_TRUE(HasId(store_->TakeWorkflow("W", "podman", owner), DiagnosticId::kRunBusy));
  EXPECT_TRUE(HasId(store_->DeleteWorkflow("W"), DiagnosticId::kRunBusy));

  const absl::StatusOr<Claim> claim = store_->ClaimTask("W", plan_.tasks[0], owner);
  ASSERT_TRUE(claim.ok());
  EXPECT_EQ(claim->revision, old->revision);
  EXPECT_EQ(claim->attempt, 2);
  EXPECT_TRUE(HasId(store_->FinishTask(*old, {.status = "succeeded"}), DiagnosticId::kRunBusy));
  EXPECT_EQ(store_->FinishTask(*claim, {.status = "succeeded"}), absl::OkStatus());
}

TEST_F(StoreTest, LetsOneWorkflowAtATimeUseAnInstallation) {
  const Owner owner = ThisProcess();
  const Owner dead = Dead();
  ASSERT_EQ(store_->CreateWorkflow("A", plan_, "podman", owner), absl::OkStatus());
  ASSERT_EQ(store_->CreateWorkflow("B", plan_, "podman", owner), absl::OkStatus());
  ASSERT_EQ(store_->CreateWorkflow("C", plan_, "podman", dead), absl::OkStatus());
  ASSERT_TRUE(store_->ClaimTask("C", plan_.tasks[0], dead).ok());
  const absl::StatusOr<Claim> claim = store_->ClaimTask("A", plan_.tasks[0], owner);
  ASSERT_TRUE(claim.ok()) << claim.status();
  EXPECT_TRUE(
      HasId(store_->ClaimTask("B", plan_.tasks[0], owner).status(), DiagnosticId::kRunBusy));
  ASSERT_EQ(store_->FinishTask(*claim, {.status = "failed"}), absl::OkStatus());
  EXPECT_TRUE(store_->ClaimTask("B", plan_.tasks[0], owner).ok());
}

TEST_F(StoreTest, FinishesAsItsTasksAre) {
  const struct {
    std::string first;
    std::string second;
    std::string expected;
  } kRows[] = {{"succeeded", "skipped", "succeeded"},
               {"failed", "skipped", "failed"},
               {"succeeded", "canceled", "canceled"},
               {"failed", "canceled", "failed"}};
  for (const auto& row : kRows) {
    const Owner owner = ThisProcess();
    const std::string id = NewUlid();
    ASSERT_EQ(store_->CreateWorkflow(id, plan_, "podman", owner), absl::OkStatus());
    ASSERT_EQ(store_->SkipTask(id, "root/db", {.status = row.first}), absl::OkStatus());
    ASSERT_EQ(store_->SkipTask(id, "root", {.status = row.second}), absl::OkStatus());
    EXPECT_EQ(store_->FinishWorkflow(id, owner)->status, row.expected);
    EXPECT_EQ(store_->FindWorkflow(id)->owner, std::nullopt);
    EXPECT_EQ(store_->DeleteWorkflow(id), absl::OkStatus());
    EXPECT_TRUE(store_->Events(id, 0)->empty());
  }
}

TEST_F(StoreTest, KeepsWhatItHasOverANewProcess) {
  ASSERT_EQ(store_->CreateWorkflow("W", plan_, "podman", ThisProcess()), absl::OkStatus());
  store_ = *OpenForReading(url_);
  EXPECT_EQ(store_->Workflows()->size(), 1u);
  EXPECT_TRUE(HasId(store_->Document("X").status(), DiagnosticId::kStateUnknownWorkflow));
}

TEST(OpenStoreTest, ReadsAnAbsentStateAsAnEmptyOne) {
  const std::string path = absl::StrCat(testing::TempDir(), "/absent/state.db");
  const absl::StatusOr<std::unique_ptr<Store>> store = OpenForReading("sqlite:" + path);
  ASSERT_TRUE(store.ok()) << store.status();
  EXPECT_TRUE((*store)->Installations()->empty());
  EXPECT_NE(access(path.c_str(), F_OK), 0);
  EXPECT_TRUE(HasId(OpenStore("redis:x").status(), DiagnosticId::kUsage));
  EXPECT_TRUE(HasId(OpenStore("sqlite:/proc/none/state.db").status(), DiagnosticId::kStateOpen));
}

TEST(StateUrlTest, TakesTheFirstThatTells) {
  const auto world = [](std::string name, std::string value) {
    Env env;
    env.getenv = [=](std::string_view asked) -> std::optional<std::string> {
      return asked == name ? std::optional<std::string>(value) : std::nullopt;
    };
    return env;
  };
  EXPECT_EQ(*StateUrl({.url = "sqlite:a"}, world("DEPS_STATE", "sqlite:b")), "sqlite:a");
  EXPECT_EQ(*StateUrl({}, world("DEPS_STATE", "sqlite:b")), "sqlite:b");
  EXPECT_EQ(*StateUrl({}, world("XDG_STATE_HOME", "/x")), "sqlite:/x/cnab-deps/state.db");
  EXPECT_EQ(*StateUrl({}, world("HOME", "/h")), "sqlite:/h/.local/state/cnab-deps/state.db");
  EXPECT_TRUE(HasId(StateUrl({}, world("X", "")).status(), DiagnosticId::kUsage));
}

TEST(UlidTest, SortsByTimeAndIsUnique) {
  const std::string first = NewUlid();
  usleep(2000);
  const std::string second = NewUlid();
  EXPECT_TRUE(IsUlid(first)) << first;
  EXPECT_LT(first, second);
  EXPECT_EQ(first[0], '0');
  EXPECT_FALSE(IsUlid("0123456789ABCDEFGHIJKLMNOP"));
}

}  // namespace
}  // namespace deps
