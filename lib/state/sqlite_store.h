// The state in a SQLite database.
#ifndef DEPS_LIB_STATE_SQLITE_STORE_H_
#define DEPS_LIB_STATE_SQLITE_STORE_H_

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "lib/state/sqlite.h"
#include "lib/state/store.h"

namespace deps {

// ":memory:" is a store of its own that goes with the object.
absl::StatusOr<std::unique_ptr<Store>> OpenSqliteStore(const std::string& path);

class SqliteStore : public Store {
 public:
  explicit SqliteStore(std::unique_ptr<SqliteDatabase> database)
      : database_holder_(std::move(database)), database_(*database_holder_) {}

  absl::Status CreateWorkflow(const std::string& id, const Plan& plan, const std::string& driver,
                              const Owner& owner) override;
  absl::Status TakeWorkflow(const std::string& id, const std::string& driver,
                            const Owner& owner) override;
  absl::StatusOr<Workflow> FinishWorkflow(const std::string& id, const Owner& owner) override;
  absl::StatusOr<StoredWorkflow> FindWorkflow(const std::string& id) override;
  absl::StatusOr<std::vector<StoredWorkflow>> Workflows() override;
  absl::StatusOr<Workflow> Document(const std::string& id) override;
  absl::Status RequestCancel(const std::string& id) override;
  absl::Status DeleteWorkflow(const std::string& id) override;
  absl::StatusOr<Claim> ClaimTask(const std::string& workflow, const PlannedTask& task,
                                  const Owner& owner) override;
  absl::Status SetTraces(const Claim& claim, const std::string& traces) override;
  absl::StatusOr<std::map<std::string, std::string>> Traces(const std::string& workflow) override;
  absl::Status FinishTask(const Claim& claim, const TaskResult& result) override;
  absl::Status RetryTask(const Claim& claim, const TaskResult& result) override;
  absl::Status SkipTask(const std::string& workflow, const std::string& task,
                        const TaskResult& result) override;
  absl::StatusOr<std::vector<StoredOutput>> Outputs(const std::string& workflow,
                                                    const std::string& task) override;
  absl::StatusOr<std::vector<StoredEvent>> Events(const std::string& workflow,
                                                  int64_t seq) override;
  absl::StatusOr<std::vector<Installation>> Installations() override;
  absl::StatusOr<std::optional<Installation>> FindInstallation(
      const InstallationName& name) override;
  absl::StatusOr<std::vector<StoredOutput>> InstallationOutputs(
      const InstallationName& name) override;

 private:
  // Runs `change` within one transaction.
  template <typename Change>
  absl::Status Transact(const Change& change) ABSL_LOCKS_EXCLUDED(mutex_);

  // The rest is called with mutex_ held; changes within a transaction.
  absl::StatusOr<StoredWorkflow> ReadWorkflow(const std::string& id);
  absl::StatusOr<Workflow> ReadDocument(const std::string& id);
  absl::StatusOr<std::vector<StoredOutput>> ReadOutputs(SqliteStatement& rows);
  absl::StatusOr<std::vector<Installation>> ReadInstallations(SqliteStatement& rows);
  absl::Status AddOwner(const Owner& owner);
  absl::Status AddEvent(const std::string& workflow, const std::string& task, int64_t attempt,
                        std::string_view type, const json::Value& data);
  absl::Status RequireFree(const std::string& id);
  absl::Status HoldInstallation(const std::string& workflow, const PlannedTask& task);
  absl::Status SetWorkflowStatus(const std::string& id, std::string_view status);
  absl::Status EndTask(const std::string& workflow, const std::string& task, int64_t attempt,
                       const TaskResult& result);
  absl::Status PutOutputs(const std::string& workflow, const std::string& task,
                          const std::vector<StoredOutput>& outputs);
  absl::Status PutDocuments(const TaskResult& result);

  absl::Mutex mutex_;
  const std::unique_ptr<SqliteDatabase> database_holder_;
  SqliteDatabase& database_;
};

template <typename Change>
absl::Status SqliteStore::Transact(const Change& change) {
  absl::MutexLock lock(&mutex_);
  absl::StatusOr<std::unique_ptr<SqliteTransaction>> transaction =
      SqliteTransaction::Begin(database_);
  if (!transaction.ok()) return transaction.status();
  if (absl::Status status = change(); !status.ok()) return status;
  return (*transaction)->Commit();
}

}  // namespace deps

#endif  // DEPS_LIB_STATE_SQLITE_STORE_H_
