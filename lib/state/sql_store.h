// The state in a SQL database, whichever it is.
#ifndef DEPS_LIB_STATE_SQL_STORE_H_
#define DEPS_LIB_STATE_SQL_STORE_H_

#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "lib/json/json.h"
#include "lib/model/plan.h"
#include "lib/model/plan_reader.h"
#include "lib/state/database.h"
#include "lib/state/fault_point.h"
#include "lib/state/store.h"

namespace deps {

// Brings the tables to their present version first.
absl::StatusOr<std::unique_ptr<Store>> OpenSqlStore(std::unique_ptr<Database> database);

class SqlStore : public Store {
 public:
  explicit SqlStore(std::unique_ptr<Database> database)
      : database_holder_(std::move(database)), database_(*database_holder_) {}

  absl::Status CreateWorkflow(const std::string& id, const PlanReader& plan,
                              const WorkflowStart& start, const Owner& owner) override;
  absl::StatusOr<std::string> JoinSteps(const std::string& id, const PlanReader& plan,
                                        const WorkflowStart& start, bool begins) override;
  absl::Status Register(const Owner& owner, absl::Duration lease) override;
  absl::Status TakeWorkflow(const std::string& id, const WorkflowStart& start, const Owner& owner,
                            const std::vector<std::string>& tasks) override;
  absl::Status SetOptions(const std::string& id, const std::string& options,
                          const Owner& owner) override;
  absl::StatusOr<Progress> Advance(const std::string& id, const Change& change,
                                   const Owner& owner) override;
  absl::Status FinishWorkflow(const std::string& id, const std::vector<StoredOutput>& outputs,
                              const Owner& owner) override;
  absl::StatusOr<StoredWorkflow> FindWorkflow(const std::string& id) override;
  absl::StatusOr<Plan> ReadPlan(const std::string& id) override;
  absl::StatusOr<Plan> ReadPlanHead(const std::string& id) override;
  absl::Status ForEachTask(const std::string& id, TaskVisitor visit) override;
  absl::StatusOr<PlannedTask> FindTask(const std::string& id, const std::string& task) override;
  absl::StatusOr<std::vector<StoredWorkflow>> Workflows() override;
  absl::StatusOr<std::vector<StoredWorkflow>> SharedWorkflows() override;
  absl::StatusOr<Workflow> Document(const std::string& id) override;
  absl::Status RequestCancel(const std::string& id) override;
  absl::Status DeleteWorkflow(const std::string& id) override;
  absl::StatusOr<std::vector<StoredOutput>> Outputs(const std::string& workflow,
                                                    const std::string& task) override;
  absl::StatusOr<std::vector<StoredOutput>> WorkflowOutputs(const std::string& workflow) override;
  absl::StatusOr<int64_t> LastEvent(const std::string& workflow) override;
  absl::StatusOr<std::vector<StoredEvent>> Events(const std::string& workflow,
                                                  int64_t seq) override;
  absl::StatusOr<std::vector<Installation>> Installations() override;
  absl::StatusOr<std::optional<Installation>> FindInstallation(
      const InstallationName& name) override;
  absl::StatusOr<std::vector<StoredOutput>> InstallationOutputs(
      const InstallationName& name) override;
  absl::Status ImportInstallation(const Installation& installation,
                                  const std::vector<StoredOutput>& outputs) override;

 private:
  // Runs `change` within one transaction.
  template <typename Function>
  absl::Status Transact(const Function& change) ABSL_LOCKS_EXCLUDED(mutex_);

  // The rest is called with mutex_ held; changes within a transaction.
  absl::StatusOr<StoredWorkflow> ReadWorkflow(const std::string& id);
  absl::StatusOr<std::vector<StoredWorkflow>> ReadWorkflows(Statement& rows);
  absl::StatusOr<PlannedTask> ReadTask(const std::string& workflow, const std::string& task);
  absl::StatusOr<Workflow> ReadDocument(const std::string& id);
  absl::StatusOr<bool> IsRunning(const std::string& id);
  absl::StatusOr<std::set<std::string>> TaskStatuses(const std::string& workflow);
  absl::StatusOr<std::vector<StoredOutput>> ReadOutputs(Statement& rows);
  absl::StatusOr<std::vector<StoredEvent>> ReadEvents(const std::string& workflow, int64_t seq);
  absl::StatusOr<std::vector<Installation>> ReadInstallations(Statement& rows);
  absl::StatusOr<std::optional<Installation>> ReadInstallation(const InstallationName& name);
  absl::StatusOr<std::vector<StoredOutput>> ReadInstallationOutputs(const InstallationName& name);

  absl::Status PutWorkflow(const std::string& id, const PlanReader& plan,
                           const WorkflowStart& start, const Owner* owner);
  absl::Status PutOwner(const Owner& owner);
  absl::Status AddEvent(const std::string& workflow, const std::string& task, int64_t attempt,
                        std::string_view type, const json::Value& data);
  absl::Status PutOutputs(const std::string& workflow, const std::string& task,
                          const std::vector<StoredOutput>& outputs);
  absl::Status PutDocuments(const TaskResult& result);
  absl::Status PutInstallation(const Installation& installation);
  absl::Status PutInstallationOutputs(const InstallationName& name, const std::string& result,
                                      const std::vector<StoredOutput>& outputs);

  // Whether the process `runner` is there and has told so in time.
  absl::StatusOr<bool> IsRunnerAlive(const std::string& runner);
  enum class Liveness { kAlive, kSilent, kDead };
  // kSilent: its lease is over, by the database's clock. Gives the lease, too.
  absl::StatusOr<Liveness> LivenessOf(const std::string& runner, int64_t* lease);
  // Whether it is dead, or was seen to be silent for some time: a step of the
  // server's clock ends no lease of a process that goes on renewing it.
  absl::StatusOr<bool> IsGone(const std::string& runner);
  absl::StatusOr<std::vector<std::string>> RunnersOf(const std::string& workflow);
  absl::StatusOr<bool> IsHeld(const std::string& id);
  absl::Status RequireFree(const std::string& id);
  absl::Status Renew(const Owner& owner);
  // Makes running tasks of processes that are gone pending.
  absl::Status Recover(const std::string& id);
  absl::Status TakeOver(const std::string& id, const std::string& runner);

  absl::Status EndAttempt(const EndedAttempt& ended, Progress* progress);
  absl::Status EndTask(const std::string& workflow, const std::string& task, int64_t attempt,
                       const TaskResult& result);
  absl::Status RetryTask(const EndedAttempt& ended);
  absl::Status SkipTask(const std::string& workflow, const SkippedTask& skipped);
  absl::Status ClaimTask(const std::string& workflow, const std::string& id, const Change& change,
                         const Owner& owner, Progress* progress);
  absl::StatusOr<bool> BeginAttempt(const PlannedTask& task, const Owner& owner, Claim* claim);
  // Whether it is free, or is this workflow's; else why not.
  absl::StatusOr<bool> IsInstallationFree(const std::string& workflow, const PlannedTask& task,
                                          std::string* message);
  // Until the attempt has ended.
  absl::Status HoldInstallation(const std::string& workflow, const PlannedTask& task);

  absl::Mutex mutex_;
  const std::unique_ptr<Database> database_holder_;
  Database& database_;
  absl::Duration lease_ = absl::Seconds(30);
  int64_t renewed_ = 0;                           // When, by the database's clock.
  int64_t renew_after_ = 0;                       // By the same.
  absl::Time look_after_ = absl::InfinitePast();  // By SteadyNow().
  struct Silence {
    int64_t lease = 0;
    absl::Time since;  // By SteadyNow().
  };
  std::map<std::string, Silence> silent_;  // Runners that are.
};

template <typename Function>
absl::Status SqlStore::Transact(const Function& change) {
  absl::MutexLock lock(&mutex_);
  FaultPoint("begin");
  if (absl::Status status = database_.Begin(); !status.ok()) return status;
  absl::Status status = change();
  if (status.ok()) {
    FaultPoint("commit");
    status = database_.Commit();
  }
  if (!status.ok()) database_.Rollback();
  FaultPoint("committed");
  return status;
}

}  // namespace deps

#endif  // DEPS_LIB_STATE_SQL_STORE_H_
