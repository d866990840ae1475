#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "lib/cli/env.h"
#include "lib/diag/diagnostic.h"
#include "lib/json/json.h"
#include "lib/model/plan.h"
#include "lib/model/plan_reader.h"
#include "lib/state/open_store.h"
#include "lib/state/owner.h"
#include "lib/state/state_option.h"
#include "lib/state/store.h"
#include "lib/state/ulid.h"

namespace deps {
namespace {

// Each test runs on both kinds of database; on PostgreSQL where
// DEPS_TEST_POSTGRES names a server (see postgres_test.sh).
class StoreTest : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    if (GetParam() == "sqlite") {
      std::string folder = absl::StrCat(testing::TempDir(), "/state-XXXXXX");
      url_ = absl::StrCat("sqlite:", mkdtemp(folder.data()), "/below/state.db");
    } else {
      const char* const url = getenv("DEPS_TEST_POSTGRES");
      if (url == nullptr) GTEST_SKIP() << "no DEPS_TEST_POSTGRES";
      url_ = url;
    }
    absl::StatusOr<std::unique_ptr<Store>> store = OpenStore(url_);
    ASSERT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
    plan_.action = "install";
    plan_.digest = absl::StrCat("sha256:", std::string(64, '0'));
    plan_.installation = {"dev", "app"};
    // A server keeps what earlier tests made.
    names_ = NewUlid();
    for (const std::string id : {"root/db", "root"}) {
      PlannedTask task;
      task.id = id;
      task.action = "install";
      task.installation.name = {"dev", absl::StrCat(names_, id)};
      plan_.tasks.push_back(task);
    }
    ASSERT_EQ(store_->Register(owner_, absl::Seconds(30)), absl::OkStatus());
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

  std::string Create(const Owner& owner, const std::string& mode = "run") {
    const std::string id = NewUlid();
    EXPECT_EQ(
        store_->CreateWorkflow(id, PlanReader(plan_), {.driver = "podman", .mode = mode}, owner),
        absl::OkStatus());
    return id;
  }

  std::vector<std::string> Statuses(const std::string& id) {
    const Workflow workflow = *store_->Document(id);
    std::vector<std::string> statuses = {workflow.status};
    for (const WorkflowTask& task : workflow.tasks) statuses.push_back(task.status);
    return statuses;
  }

  // Claims one task. Absent where it cannot be had.
  std::optional<Claim> ClaimOne(const std::string& id, size_t task, const Owner& owner,
                                Store* store = nullptr) {
    const absl::StatusOr<Progress> progress =
        (store == nullptr ? *store_ : *store)
            .Advance(
                id,
                {.claims = {plan_.tasks[task].id},
                 .traces =
                     [](const Claim& claim) { return absl::StrCat("attempt ", claim.attempt); }},
                owner);
    EXPECT_TRUE(progress.ok()) << progress.status();
    if (!progress.ok() || progress->claimed.empty()) return std::nullopt;
    EXPECT_EQ(progress->claimed[0].task, plan_.tasks[task]);
    return progress->claimed[0].claim;
  }

  absl::StatusOr<Progress> End(const Claim& claim, TaskResult result, const Owner& owner,
                               std::optional<absl::Duration> retry = std::nullopt) {
    return store_->Advance(claim.workflow,
                           {.ended = {{.claim = claim, .result = result, .retry_after = retry}}},
                           owner);
  }

  void Skip(const std::string& id, const std::string& task, const std::string& status) {
    EXPECT_TRUE(
        store_->Advance(id, {.skipped = {{.task = task, .result = {.status = status}}}}, owner_)
            .ok());
  }

  std::string url_;
  std::string names_;
  std::unique_ptr<Store> store_;
  Owner owner_ = ThisProcess();
  Plan plan_;
};

INSTANTIATE_TEST_SUITE_P(Databases, StoreTest, testing::Values("sqlite", "postgres"),
                         [](const auto& info) { return info.param; });

using Strings = std::vector<std::string>;

TEST_P(StoreTest, KeepsThePlanAndTellsItsTasksOneByOne) {
  // More tasks than are read or written at a time.
  for (int i = 0; i < 300; ++i) {
    PlannedTask& task = plan_.tasks.emplace_back();
    task.id = absl::StrCat("root/", i);
    task.action = "install";
    task.bundle.name = "b";
    task.installation.name = {"dev", task.id};
    task.parameters["text"] = {.value = JsonText{"\"\\n\u00e4'?\""}};
  }
  plan_.stages = {{"root"}};
  plan_.outputs["url"] = {.kind = ValueSource::Kind::kOutput, .item = {"root", "url"}};
  const std::string id = Create(owner_);
  EXPECT_EQ(store_->ReadPlan(id), absl::StatusOr<Plan>(plan_));
  std::vector<PlannedTask> tasks;
  EXPECT_EQ(store_->ForEachTask(id,
                                [&](const PlannedTask& task) {
                                  tasks.push_back(task);
                                  // The store may be used meanwhile.
                                  return store_->FindTask(id, task.id).status();
                                }),
            absl::OkStatus());
  EXPECT_EQ(tasks, plan_.tasks);
  EXPECT_EQ(store_->FindTask(id, "root/299"), absl::StatusOr<PlannedTask>(plan_.tasks.back()));
  EXPECT_TRUE(
      HasId(store_->FindTask(id, "root/300").status(), DiagnosticId::kStateUnknownWorkflow));
  EXPECT_TRUE(HasId(store_->ReadPlan("none").status(), DiagnosticId::kStateUnknownWorkflow));
  Plan head = plan_;
  head.tasks.clear();
  EXPECT_EQ(store_->ReadPlanHead(id), absl::StatusOr<Plan>(head));
  EXPECT_EQ(
      store_->ForEachTask(id, [](const PlannedTask&) { return absl::AbortedError("enough"); }),
      absl::AbortedError("enough"));
  ASSERT_TRUE(store_->Advance(id, {}, owner_).ok());
}

TEST_P(StoreTest, FollowsATaskFromClaimToOutput) {
  const std::string id = Create(owner_);
  EXPECT_EQ(Statuses(id), (Strings{"running", "pending", "pending"}));
  const std::optional<Claim> claim = ClaimOne(id, 0, owner_);
  ASSERT_TRUE(claim.has_value());
  EXPECT_EQ(claim->attempt, 1);
  EXPECT_EQ(claim->traces, "attempt 1");
  EXPECT_FALSE(claim->begun);
  EXPECT_TRUE(IsUlid(claim->revision));
  const std::vector<StoredOutput> outputs = {
      {.name = "host", .value = {"\"db\""}},
      {.name = "token", .sensitive = true, .box = std::string("\1\0box", 5), .ref = "state:x"}};
  Installation installation;
  installation.id = NewUlid();
  installation.name = plan_.tasks[0].installation.name;
  installation.installed_at = NowText();
  installation.created = installation.installed_at;
  installation.modified = installation.installed_at;
  const TaskResult result = {.status = "succeeded",
                             .exit_code = 0,
                             .outputs = outputs,
                             .installation = installation,
                             .run_id = NewUlid(),
                             .run_document = "{}",
                             .result_id = NewUlid(),
                             .result_document = "{}"};
  ASSERT_TRUE(End(*claim, result, owner_).ok());
  EXPECT_EQ(*store_->Outputs(id, "root/db"), outputs);
  EXPECT_EQ(*store_->InstallationOutputs(installation.name), outputs);
  ASSERT_TRUE(store_->FindInstallation(installation.name)->has_value());
  EXPECT_TRUE((*store_->FindInstallation(installation.name))->IsInstalled());
  const WorkflowTask shown = store_->Document(id)->tasks[0];
  EXPECT_EQ(shown.outputs.at("host").value, JsonText{"\"db\""});
  EXPECT_EQ(shown.outputs.at("token").value, std::nullopt);
  EXPECT_EQ(shown.outputs.at("token").ref, "state:x");
  // The same once more is an answer that did not arrive; something else is not.
  EXPECT_EQ(End(*claim, result, owner_)->lost, Strings());
  EXPECT_EQ(End(*claim, {.status = "failed"}, owner_)->lost, (Strings{"root/db"}));
  Strings types;
  const std::vector<StoredEvent> events = *store_->Events(id, 0);
  for (const StoredEvent& event : events) types.push_back(event.type);
  EXPECT_EQ(types, (Strings{"workflow.running", "task.running", "task.succeeded"}));
  EXPECT_EQ(*store_->LastEvent(id), events.back().seq);
  // The next to claim it knows the installation.
  const std::string next = Create(owner_);
  EXPECT_EQ(ClaimOne(next, 0, owner_)->before->id, installation.id);
}

TEST_P(StoreTest, GivesAWorkflowOfADeadProcessToAnother) {
  const Owner dead = Dead();
  ASSERT_FALSE(IsAlive(dead));
  const std::string id = Create(dead);
  const std::optional<Claim> old = ClaimOne(id, 0, dead);
  ASSERT_TRUE(old.has_value());
  EXPECT_EQ(Statuses(id), (Strings{"running", "unknown", "pending"}));
  EXPECT_FALSE(store_->FindWorkflow(id)->held);

  ASSERT_TRUE(IsAlive(owner_));
  ASSERT_EQ(store_->TakeWorkflow(id, {.driver = "podman"}, owner_, {}), absl::OkStatus());
  EXPECT_EQ(Statuses(id), (Strings{"running", "pending", "pending"}));
  EXPECT_TRUE(
      HasId(store_->TakeWorkflow(id, {.driver = "podman"}, owner_, {}), DiagnosticId::kRunBusy));
  EXPECT_TRUE(HasId(store_->DeleteWorkflow(id), DiagnosticId::kRunBusy));

  // What was begun is gone on with: the same attempt, with what finds it.
  const std::optional<Claim> claim = ClaimOne(id, 0, owner_);
  ASSERT_TRUE(claim.has_value());
  EXPECT_TRUE(claim->begun);
  EXPECT_EQ(claim->revision, old->revision);
  EXPECT_EQ(claim->attempt, 1);
  EXPECT_EQ(claim->traces, "attempt 1");
  EXPECT_GT(claim->epoch, old->epoch);
  EXPECT_EQ(End(*old, {.status = "succeeded"}, owner_)->lost, (Strings{"root/db"}));
  EXPECT_TRUE(HasId(End(*old, {.status = "succeeded"}, dead).status(), DiagnosticId::kRunBusy));
  // Nothing was left of it: then it is another attempt.
  ASSERT_TRUE(
      End(*claim, {.status = "interrupted", .reason = "interrupted"}, owner_, absl::ZeroDuration())
          .ok());
  const std::optional<Claim> again = ClaimOne(id, 0, owner_);
  ASSERT_TRUE(again.has_value());
  EXPECT_FALSE(again->begun);
  EXPECT_EQ(again->attempt, 2);
  EXPECT_EQ(again->failures, 0);
  EXPECT_EQ(End(*again, {.status = "succeeded"}, owner_)->lost, Strings());
}

TEST_P(StoreTest, LetsOneWorkflowAtATimeUseAnInstallation) {
  const std::string a = Create(owner_);
  const std::string b = Create(owner_);
  const std::optional<Claim> claim = ClaimOne(a, 0, owner_);
  ASSERT_TRUE(claim.has_value());
  const Progress busy = *store_->Advance(b, {.claims = {plan_.tasks[0].id}}, owner_);
  EXPECT_TRUE(busy.claimed.empty());
  ASSERT_EQ(busy.busy.size(), 1u);
  EXPECT_EQ(busy.busy[0].first, "root/db");
  ASSERT_TRUE(End(*claim, {.status = "failed"}, owner_).ok());
  EXPECT_TRUE(ClaimOne(b, 0, owner_).has_value());
}

TEST_P(StoreTest, KeepsAnInstallationForWhatADeadProcessLeftRunning) {
  const Owner dead = Dead();
  const std::string a = Create(dead);
  ASSERT_TRUE(ClaimOne(a, 0, dead).has_value());
  const std::string b = Create(owner_);
  const Progress busy = *store_->Advance(b, {.claims = {plan_.tasks[0].id}}, owner_);
  ASSERT_EQ(busy.busy.size(), 1u);
  EXPECT_NE(busy.busy[0].second.find("deps-run cancel"), std::string::npos);
}

TEST_P(StoreTest, SharesAWorkflowBetweenWorkers) {
  const std::string id = Create(owner_, "shared");
  const Owner other = ThisProcess();
  const std::unique_ptr<Store> second = *OpenStore(url_);
  ASSERT_EQ(second->Register(other, absl::Seconds(30)), absl::OkStatus());
  EXPECT_TRUE(ClaimOne(id, 0, owner_).has_value());
  EXPECT_FALSE(ClaimOne(id, 0, other, second.get()).has_value());
  EXPECT_TRUE(ClaimOne(id, 1, other, second.get()).has_value());
  // Each sees what the other does.
  EXPECT_EQ(store_->Advance(id, {}, owner_)->events.size(), 3u);
  EXPECT_TRUE(
      HasId(store_->TakeWorkflow(id, {.driver = "podman"}, owner_, {}), DiagnosticId::kRunBusy));
}

TEST_P(StoreTest, AWorkerThatComesLateLeavesTheInstallationFree) {
  const std::string id = Create(owner_, "shared");
  const Owner late = ThisProcess();
  const std::unique_ptr<Store> second = *OpenStore(url_);
  ASSERT_EQ(second->Register(late, absl::Seconds(30)), absl::OkStatus());
  ASSERT_TRUE(End(*ClaimOne(id, 0, owner_), {.status = "succeeded"}, owner_).ok());
  EXPECT_FALSE(ClaimOne(id, 0, late, second.get()).has_value());
  EXPECT_TRUE(ClaimOne(Create(owner_), 0, owner_).has_value());
}

TEST_P(StoreTest, TakesOverFromAWorkerThatIsSilent) {
  const std::string id = Create(owner_, "shared");
  const Owner silent = ThisProcess();
  const std::unique_ptr<Store> second = *OpenStore(url_);
  ASSERT_EQ(second->Register(silent, absl::Milliseconds(50)), absl::OkStatus());
  const std::optional<Claim> claim = ClaimOne(id, 0, silent, second.get());
  ASSERT_TRUE(claim.has_value());
  usleep(100000);
  const std::unique_ptr<Store> third = *OpenStore(url_);
  ASSERT_EQ(third->Register(owner_, absl::Milliseconds(200)), absl::OkStatus());
  // A lease that is over is watched for some time: the clock may have been stepped.
  EXPECT_EQ(third->Advance(id, {.recover = true}, owner_)->events.back().type, "task.running");
  usleep(250000);
  const Progress progress = *third->Advance(id, {.recover = true}, owner_);
  EXPECT_EQ(progress.events.back().type, "task.unknown");
  EXPECT_TRUE(ClaimOne(id, 0, owner_)->begun);
  // When it wakes up its result is refused, and so is all else.
  EXPECT_TRUE(HasId(second->Advance(id, {.ended = {{.claim = *claim}}}, silent).status(),
                    DiagnosticId::kRunBusy));
}

TEST_P(StoreTest, HoldsARetryBackForItsTime) {
  const std::string id = Create(owner_);
  const std::optional<Claim> claim = ClaimOne(id, 0, owner_);
  const absl::StatusOr<Progress> ended =
      End(*claim, {.status = "failed", .reason = "bundle"}, owner_, absl::Milliseconds(80));
  EXPECT_EQ(ended->events.back().type, "task.retrying");
  EXPECT_FALSE(ClaimOne(id, 0, owner_).has_value());
  usleep(120000);
  const std::optional<Claim> again = ClaimOne(id, 0, owner_);
  ASSERT_TRUE(again.has_value());
  EXPECT_EQ(again->attempt, 2);
  EXPECT_EQ(again->failures, 1);
  EXPECT_EQ(again->revision, claim->revision);
}

TEST_P(StoreTest, JoinsTheStepsOfAPlan) {
  plan_.digest = absl::StrCat("sha256:", names_);
  const WorkflowStart start = {.driver = "podman", .mode = "step"};
  const std::string id = NewUlid();
  EXPECT_EQ(*store_->JoinSteps(id, PlanReader(plan_), start, true), id);
  EXPECT_EQ(*store_->JoinSteps(NewUlid(), PlanReader(plan_), start, true), id);
  for (const size_t task : {0, 1}) {
    ASSERT_EQ(store_->TakeWorkflow(id, start, owner_, {plan_.tasks[task].id}), absl::OkStatus());
    EXPECT_TRUE(End(*ClaimOne(id, task, owner_), {.status = "succeeded"}, owner_).ok());
  }
  EXPECT_EQ(store_->FinishWorkflow(id, {}, owner_), absl::OkStatus());
  EXPECT_EQ(store_->Document(id)->status, "succeeded");
  // Whoever did not hear of the last step's end asks for it again.
  EXPECT_EQ(*store_->JoinSteps(NewUlid(), PlanReader(plan_), start, false), id);
  EXPECT_NE(*store_->JoinSteps(NewUlid(), PlanReader(plan_), start, true), id);
}

TEST_P(StoreTest, FinishesAsItsTasksAre) {
  const struct {
    std::string first;
    std::string second;
    std::string expected;
  } kRows[] = {{"succeeded", "skipped", "succeeded"},
               {"failed", "skipped", "failed"},
               {"succeeded", "canceled", "canceled"},
               {"failed", "canceled", "failed"}};
  for (const auto& row : kRows) {
    const std::string id = Create(owner_);
    Skip(id, "root/db", row.first);
    Skip(id, "root", row.second);
    const std::vector<StoredOutput> outputs = {{.name = "url", .value = {"\"http://x\""}}};
    EXPECT_EQ(store_->FinishWorkflow(id, outputs, owner_), absl::OkStatus());
    const absl::StatusOr<Workflow> finished = store_->Document(id);
    EXPECT_EQ(finished->status, row.expected);
    EXPECT_EQ(finished->outputs.at("url").value, JsonText{"\"http://x\""});
    EXPECT_EQ(*store_->WorkflowOutputs(id), outputs);
    EXPECT_EQ(store_->FindWorkflow(id)->owner, std::nullopt);
    EXPECT_EQ(store_->DeleteWorkflow(id), absl::OkStatus());
    EXPECT_TRUE(store_->Events(id, 0)->empty());
  }
}

TEST_P(StoreTest, KeepsWhatItHasOverANewProcess) {
  const std::string id = Create(ThisProcess());
  const size_t count = store_->Workflows()->size();
  store_ = *OpenForReading(url_);
  EXPECT_EQ(store_->Workflows()->size(), count);
  EXPECT_EQ(store_->FindWorkflow(id)->start.driver, "podman");
  EXPECT_TRUE(HasId(store_->Document("X").status(), DiagnosticId::kStateUnknownWorkflow));
}

TEST_P(StoreTest, ImportsAnInstallation) {
  Installation installation;
  installation.id = NewUlid();
  installation.name = {"dev", names_};
  installation.created = installation.modified = NowText();
  const std::vector<StoredOutput> outputs = {{.name = "port", .value = {"3306"}}};
  ASSERT_EQ(store_->ImportInstallation(installation, outputs), absl::OkStatus());
  ASSERT_EQ(store_->ImportInstallation(installation, outputs), absl::OkStatus());
  EXPECT_EQ(*store_->InstallationOutputs(installation.name), outputs);
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

TEST(FilesOfTest, AreBesideADatabaseOrBelowAFolderOfThisMachine) {
  EXPECT_EQ(FilesOf("sqlite:/a/state.db", "")->logs, "/a/state.db.logs");
  EXPECT_EQ(
      FilesOf("postgres://me:secret@host/db", "/home/me")->logs.rfind("/home/me/postgres-", 0), 0U);
  EXPECT_EQ(FilesOf("postgres://me:one@host/db", "/home/me")->key,
            FilesOf("postgres://me:two@host/db", "/home/me")->key);
  EXPECT_TRUE(HasId(FilesOf("postgres://host/db", "").status(), DiagnosticId::kUsage));
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
