// Tasks: claimed, ended, skipped; their outputs.
#include "lib/state/sqlite_store.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "lib/base/status_macros.h"
#include "lib/diag/diagnostic.h"
#include "lib/state/sqlite_schema.h"
#include "lib/state/ulid.h"

namespace deps {
namespace {

absl::Status Lost(const std::string& workflow, const std::string& task) {
  return MakeError({.id = DiagnosticId::kRunBusy,
                    .message = absl::StrCat("task '", task, "' of workflow '", workflow,
                                            "' is no longer this process's")});
}

}  // namespace

absl::StatusOr<std::unique_ptr<Store>> OpenSqliteStore(const std::string& path) {
  DEPS_ASSIGN_OR_RETURN(std::unique_ptr<SqliteDatabase> database, SqliteDatabase::Open(path));
  DEPS_RETURN_IF_ERROR(Migrate(*database));
  return std::make_unique<SqliteStore>(std::move(database));
}

absl::StatusOr<Claim> SqliteStore::ClaimTask(const std::string& workflow, const PlannedTask& task,
                                             const Owner& owner) {
  Claim claim = {.workflow = workflow, .task = task.id};
  DEPS_RETURN_IF_ERROR(Transact([&]() -> absl::Status {
    DEPS_RETURN_IF_ERROR(HoldInstallation(workflow, task));
    SqliteStatement update(
        database_,
        "UPDATE task SET status = 'running', epoch = epoch + 1, attempt = attempt + 1, "
        "started = ?, finished = '', exit_code = NULL, reason = '', message = '', traces = '' "
        "WHERE workflow = ? AND id = ? AND status = 'pending' "
        "AND (SELECT owner FROM workflow w WHERE w.id = workflow) = ? "
        "RETURNING epoch, attempt, revision");
    update.Bind(NowText()).Bind(workflow).Bind(task.id).Bind(owner.id);
    if (!update.Step()) {
      DEPS_RETURN_IF_ERROR(update.status());
      return Lost(workflow, task.id);
    }
    claim.epoch = update.Number(0);
    claim.attempt = update.Number(1);
    claim.revision = update.Text(2);
    DEPS_RETURN_IF_ERROR(update.Run());
    return AddEvent(workflow, task.id, claim.attempt, "task.running",
                    json::Value::Object({{"action", json::Value::String(task.action)}}));
  }));
  return claim;
}

absl::Status SqliteStore::HoldInstallation(const std::string& workflow, const PlannedTask& task) {
  const InstallationName& name = task.installation.name;
  std::string holder;
  {
    SqliteStatement rows(database_,
                         "SELECT workflow FROM hold WHERE namespace = ? AND name = ? "
                         "AND workflow <> ?");
    if (rows.Bind(name.name_space).Bind(name.name).Bind(workflow).Step()) holder = rows.Text(0);
    DEPS_RETURN_IF_ERROR(rows.status());
  }
  if (!holder.empty()) {
    DEPS_RETURN_IF_ERROR(WithContext(
        RequireFree(holder),
        absl::StrCat("installation '", name.name_space, "/", name.name, "' is in use")));
  }
  return SqliteStatement(database_,
                         "INSERT OR REPLACE INTO hold(namespace, name, workflow, task) "
                         "VALUES(?, ?, ?, ?)")
      .Bind(name.name_space)
      .Bind(name.name)
      .Bind(workflow)
      .Bind(task.id)
      .Run();
}

absl::Status SqliteStore::SetTraces(const Claim& claim, const std::string& traces) {
  return Transact([&]() -> absl::Status {
    DEPS_RETURN_IF_ERROR(
        SqliteStatement(database_,
                        "UPDATE task SET traces = ? WHERE workflow = ? AND id = ? AND epoch = ? "
                        "AND status = 'running'")
            .Bind(traces)
            .Bind(claim.workflow)
            .Bind(claim.task)
            .Bind(claim.epoch)
            .Run());
    return database_.Changes() == 0 ? Lost(claim.workflow, claim.task) : absl::OkStatus();
  });
}

absl::StatusOr<std::map<std::string, std::string>> SqliteStore::Traces(
    const std::string& workflow) {
  absl::MutexLock lock(&mutex_);
  SqliteStatement rows(database_,
                       "SELECT id, traces FROM task WHERE workflow = ? AND status = 'pending' "
                       "AND traces <> ''");
  rows.Bind(workflow);
  std::map<std::string, std::string> traces;
  while (rows.Step()) traces[rows.Text(0)] = rows.Text(1);
  DEPS_RETURN_IF_ERROR(rows.status());
  return traces;
}

absl::Status SqliteStore::FinishTask(const Claim& claim, const TaskResult& result) {
  return Transact([&]() -> absl::Status {
    SqliteStatement check(database_,
                          "SELECT 1 FROM task WHERE workflow = ? AND id = ? AND epoch = ? "
                          "AND status = 'running'");
    if (!check.Bind(claim.workflow).Bind(claim.task).Bind(claim.epoch).Step()) {
      DEPS_RETURN_IF_ERROR(check.status());
      return Lost(claim.workflow, claim.task);
    }
    DEPS_RETURN_IF_ERROR(EndTask(claim.workflow, claim.task, claim.attempt, result));
    DEPS_RETURN_IF_ERROR(PutDocuments(result));
    return SqliteStatement(database_, "DELETE FROM hold WHERE workflow = ? AND task = ?")
        .Bind(claim.workflow)
        .Bind(claim.task)
        .Run();
  });
}

absl::Status SqliteStore::RetryTask(const Claim& claim, const TaskResult& result) {
  return Transact([&]() -> absl::Status {
    DEPS_RETURN_IF_ERROR(
        SqliteStatement(database_,
                        "UPDATE task SET status = 'pending', traces = '', reason = ?, "
                        "message = ? WHERE workflow = ? AND id = ? AND epoch = ? "
                        "AND status = 'running'")
            .Bind(result.reason)
            .Bind(result.message)
            .Bind(claim.workflow)
            .Bind(claim.task)
            .Bind(claim.epoch)
            .Run());
    if (database_.Changes() == 0) return Lost(claim.workflow, claim.task);
    DEPS_RETURN_IF_ERROR(PutDocuments(result));
    return AddEvent(claim.workflow, claim.task, claim.attempt, "task.retrying",
                    json::Value::Object({{"reason", json::Value::String(result.reason)},
                                         {"message", json::Value::String(result.message)}}));
  });
}

absl::Status SqliteStore::SkipTask(const std::string& workflow, const std::string& task,
                                   const TaskResult& result) {
  return Transact([&]() -> absl::Status {
    SqliteStatement check(
        database_, "SELECT attempt FROM task WHERE workflow = ? AND id = ? AND status = 'pending'");
    if (!check.Bind(workflow).Bind(task).Step()) {
      DEPS_RETURN_IF_ERROR(check.status());
      return Lost(workflow, task);
    }
    return EndTask(workflow, task, check.Number(0), result);
  });
}

absl::Status SqliteStore::EndTask(const std::string& workflow, const std::string& task,
                                  int64_t attempt, const TaskResult& result) {
  SqliteStatement update(database_,
                         "UPDATE task SET status = ?, finished = ?, reason = ?, message = ?, "
                         "traces = '', exit_code = ? WHERE workflow = ? AND id = ?");
  update.Bind(result.status).Bind(NowText()).Bind(result.reason).Bind(result.message);
  if (result.exit_code.has_value()) {
    update.Bind(*result.exit_code);
  } else {
    update.BindNull();
  }
  DEPS_RETURN_IF_ERROR(update.Bind(workflow).Bind(task).Run());
  DEPS_RETURN_IF_ERROR(PutOutputs(workflow, task, result.outputs));
  json::Value data = json::Value::Object();
  if (!result.reason.empty()) data.Set("reason", json::Value::String(result.reason));
  if (!result.message.empty()) data.Set("message", json::Value::String(result.message));
  if (result.exit_code.has_value()) data.Set("exitCode", json::Value::Integer(*result.exit_code));
  if (!result.outputs.empty()) {
    std::vector<std::string> names;
    for (const StoredOutput& output : result.outputs) names.push_back(output.name);
    data.Set("outputs", json::Value::Strings(names));
  }
  return AddEvent(workflow, task, attempt, absl::StrCat("task.", result.status), data);
}

absl::Status SqliteStore::PutOutputs(const std::string& workflow, const std::string& task,
                                     const std::vector<StoredOutput>& outputs) {
  DEPS_RETURN_IF_ERROR(
      SqliteStatement(database_, "DELETE FROM output WHERE workflow = ? AND task = ?")
          .Bind(workflow)
          .Bind(task)
          .Run());
  for (const StoredOutput& output : outputs) {
    SqliteStatement insert(database_,
                           "INSERT INTO output(workflow, task, name, sensitive, value, box, ref) "
                           "VALUES(?, ?, ?, ?, ?, ?, ?)");
    insert.Bind(workflow).Bind(task).Bind(output.name).Bind(int64_t{output.sensitive});
    if (output.sensitive) {
      insert.BindNull().BindBlob(output.box).Bind(output.ref);
    } else {
      insert.Bind(output.value.text).BindNull().BindNull();
    }
    DEPS_RETURN_IF_ERROR(insert.Run());
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<StoredOutput>> SqliteStore::Outputs(const std::string& workflow,
                                                               const std::string& task) {
  absl::MutexLock lock(&mutex_);
  SqliteStatement rows(database_,
                       "SELECT name, sensitive, value, box, ref FROM output "
                       "WHERE workflow = ? AND task = ? ORDER BY name");
  rows.Bind(workflow).Bind(task);
  return ReadOutputs(rows);
}

absl::StatusOr<std::vector<StoredOutput>> SqliteStore::ReadOutputs(SqliteStatement& rows) {
  std::vector<StoredOutput> outputs;
  while (rows.Step()) {
    outputs.push_back({.name = rows.Text(0),
                       .sensitive = rows.Number(1) != 0,
                       .value = {rows.Text(2)},
                       .box = rows.Text(3),
                       .ref = rows.Text(4)});
  }
  DEPS_RETURN_IF_ERROR(rows.status());
  return outputs;
}

}  // namespace deps
