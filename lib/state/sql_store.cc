// What one transaction of a runner does: attempts that ended, tasks that are
// claimed.
#include "lib/state/sql_store.h"

#include <algorithm>
#include <optional>

#include "absl/strings/str_cat.h"
#include "lib/base/status_macros.h"
#include "lib/base/steady_clock.h"
#include "lib/diag/diagnostic.h"
#include "lib/state/schema.h"
#include "lib/state/ulid.h"

namespace deps {
namespace {

// The part of a lease after which it is renewed, and after which others look.
constexpr int64_t kRenewals = 4;
// A task that is to wait for longer was told so before the clock was set back.
constexpr int64_t kLongestDelay = int64_t{10} * 60 * 1000;
// How often others look at least: a dead process of the same machine is known
// for one before its lease ends.
constexpr absl::Duration kLook = absl::Seconds(1);
// How long a lease that is over is watched at most. A process that lives looks at
// the clock more often than that.
constexpr absl::Duration kSilence = absl::Seconds(3);

absl::Status Replaced() {
  return MakeError({.id = DiagnosticId::kRunBusy,
                    .message = "this process was silent for longer than its lease, and another one "
                               "has taken its tasks over"});
}

json::Value EventData(const TaskResult& result) {
  json::Value data = json::Value::Object();
  if (!result.reason.empty()) data.Set("reason", json::Value::String(result.reason));
  if (!result.message.empty()) data.Set("message", json::Value::String(result.message));
  if (result.exit_code.has_value()) data.Set("exitCode", json::Value::Integer(*result.exit_code));
  if (!result.outputs.empty()) {
    std::vector<std::string> names;
    for (const StoredOutput& output : result.outputs) names.push_back(output.name);
    data.Set("outputs", json::Value::Strings(names));
  }
  return data;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Store>> OpenSqlStore(std::unique_ptr<Database> database) {
  DEPS_RETURN_IF_ERROR(Migrate(*database));
  return std::make_unique<SqlStore>(std::move(database));
}

absl::StatusOr<Progress> SqlStore::Advance(const std::string& id, const Change& change,
                                           const Owner& owner) {
  Progress progress;
  DEPS_RETURN_IF_ERROR(Transact([&]() -> absl::Status {
    DEPS_RETURN_IF_ERROR(Renew(owner));
    Statement workflow(database_,
                       "SELECT status, mode, owner, cancel_requested FROM workflow WHERE id = ?");
    if (!workflow.Bind(id).Step()) {
      DEPS_RETURN_IF_ERROR(workflow.status());
      return MakeError({.id = DiagnosticId::kStateUnknownWorkflow,
                        .message = absl::StrCat("workflow '", id, "' was deleted")});
    }
    progress.status = workflow.Text(0);
    progress.cancel_requested = workflow.Number(3) != 0;
    if (workflow.Text(1) == "run" && workflow.Text(2) != owner.id) {
      return MakeError({.id = DiagnosticId::kRunBusy,
                        .message = absl::StrCat("another process took workflow '", id, "'")});
    }
    for (const EndedAttempt& ended : change.ended) {
      DEPS_RETURN_IF_ERROR(EndAttempt(ended, &progress));
    }
    for (const SkippedTask& skipped : change.skipped) DEPS_RETURN_IF_ERROR(SkipTask(id, skipped));
    if (change.recover) DEPS_RETURN_IF_ERROR(Recover(id));
    for (const std::string& task : change.claims) {
      if (progress.status != "running") break;
      DEPS_RETURN_IF_ERROR(ClaimTask(id, task, change, owner, &progress));
    }
    DEPS_ASSIGN_OR_RETURN(progress.events, ReadEvents(id, change.after_event));
    return absl::OkStatus();
  }));
  return progress;
}

absl::Status SqlStore::Renew(const Owner& owner) {
  DEPS_ASSIGN_OR_RETURN(const int64_t now, database_.Clock());
  // It may have been set back.
  if (now < renew_after_ && now >= renewed_) return absl::OkStatus();
  Statement update(database_,
                   "UPDATE runner SET lease_until = ? WHERE id = ? AND lease_until >= 0");
  DEPS_RETURN_IF_ERROR(update.Bind(now + absl::ToInt64Milliseconds(lease_)).Bind(owner.id).Run());
  if (update.Changes() == 0) return Replaced();
  renewed_ = now;
  renew_after_ = now + absl::ToInt64Milliseconds(lease_) / kRenewals;
  return absl::OkStatus();
}

absl::Status SqlStore::Recover(const std::string& id) {
  const absl::Time now = SteadyNow();
  if (now < look_after_) return absl::OkStatus();
  look_after_ = now + std::min(kLook, lease_ / kRenewals);
  DEPS_ASSIGN_OR_RETURN(const std::vector<std::string> runners, RunnersOf(id));
  for (const std::string& runner : runners) {
    DEPS_ASSIGN_OR_RETURN(const bool gone, IsGone(runner));
    if (gone) DEPS_RETURN_IF_ERROR(TakeOver(id, runner));
  }
  return absl::OkStatus();
}

absl::StatusOr<bool> SqlStore::IsGone(const std::string& runner) {
  int64_t lease = 0;
  DEPS_ASSIGN_OR_RETURN(const Liveness liveness, LivenessOf(runner, &lease));
  if (liveness != Liveness::kSilent) return liveness == Liveness::kDead;
  const absl::Time now = SteadyNow();
  Silence& silence = silent_[runner];
  if (silence.lease != lease) silence = {.lease = lease, .since = now};
  return now >= silence.since + std::min(kSilence, lease_);
}

absl::Status SqlStore::TakeOver(const std::string& id, const std::string& runner) {
  // Should it come back, it learns that it was replaced.
  DEPS_RETURN_IF_ERROR(
      Statement(database_, "UPDATE runner SET lease_until = -1 WHERE id = ?").Bind(runner).Run());
  DEPS_RETURN_IF_ERROR(
      Statement(database_,
                "INSERT INTO event(time, workflow, task, attempt, type, data) "
                "SELECT ?, workflow, id, attempt, 'task.unknown', '{}' FROM task "
                "WHERE workflow = ? AND owner = ? AND status = 'running' ORDER BY position")
          .Bind(NowText())
          .Bind(id)
          .Bind(runner)
          .Run());
  return Statement(database_,
                   "UPDATE task SET status = 'pending', reason = 'interrupted', epoch = epoch + 1, "
                   "not_before = 0 WHERE workflow = ? AND owner = ? AND status = 'running'")
      .Bind(id)
      .Bind(runner)
      .Run();
}

absl::Status SqlStore::EndAttempt(const EndedAttempt& ended, Progress* progress) {
  const Claim& claim = ended.claim;
  std::string status;
  {
    Statement check(database_,
                    "SELECT status FROM task WHERE workflow = ? AND id = ? AND epoch = ?");
    if (check.Bind(claim.workflow).Bind(claim.task).Bind(claim.epoch).Step()) {
      status = check.Text(0);
    }
    DEPS_RETURN_IF_ERROR(check.status());
  }
  if (status != "running") {
    // A commit whose answer did not arrive has done it already.
    const std::string& wanted = ended.retry_after.has_value() ? "pending" : ended.result.status;
    if (status != wanted) progress->lost.push_back(claim.task);
    return absl::OkStatus();
  }
  if (ended.retry_after.has_value()) {
    DEPS_RETURN_IF_ERROR(RetryTask(ended));
  } else {
    DEPS_RETURN_IF_ERROR(EndTask(claim.workflow, claim.task, claim.attempt, ended.result));
  }
  DEPS_RETURN_IF_ERROR(PutDocuments(ended.result));
  return Statement(database_, "DELETE FROM hold WHERE workflow = ? AND task = ?")
      .Bind(claim.workflow)
      .Bind(claim.task)
      .Run();
}

absl::Status SqlStore::RetryTask(const EndedAttempt& ended) {
  DEPS_ASSIGN_OR_RETURN(const int64_t now, database_.Clock());
  const TaskResult& result = ended.result;
  const bool counts = result.reason != "interrupted";
  DEPS_RETURN_IF_ERROR(
      Statement(
          database_,
          "UPDATE task SET status = 'pending', traces = '', owner = '', reason = ?, "
          "message = ?, failures = failures + ?, not_before = ? WHERE workflow = ? AND id = ?")
          .Bind(result.reason)
          .Bind(result.message)
          .Bind(int64_t{counts})
          .Bind(now + absl::ToInt64Milliseconds(*ended.retry_after))
          .Bind(ended.claim.workflow)
          .Bind(ended.claim.task)
          .Run());
  if (!result.outputs.empty()) {
    DEPS_RETURN_IF_ERROR(PutOutputs(ended.claim.workflow, ended.claim.task, result.outputs));
  }
  json::Value data = EventData(result);
  data.Set("delayMilliseconds",
           json::Value::Integer(absl::ToInt64Milliseconds(*ended.retry_after)));
  return AddEvent(ended.claim.workflow, ended.claim.task, ended.claim.attempt, "task.retrying",
                  data);
}

absl::Status SqlStore::EndTask(const std::string& workflow, const std::string& task,
                               int64_t attempt, const TaskResult& result) {
  Statement update(database_,
                   "UPDATE task SET status = ?, finished = ?, reason = ?, message = ?, "
                   "traces = '', owner = '', exit_code = ? "
                   "WHERE workflow = ? AND id = ?");
  update.Bind(result.status).Bind(NowText()).Bind(result.reason).Bind(result.message);
  if (result.exit_code.has_value()) {
    update.Bind(*result.exit_code);
  } else {
    update.BindNull();
  }
  DEPS_RETURN_IF_ERROR(update.Bind(workflow).Bind(task).Run());
  // What an attempt left stays until a later one leaves something.
  if (!result.outputs.empty() || result.status == "succeeded") {
    DEPS_RETURN_IF_ERROR(PutOutputs(workflow, task, result.outputs));
  }
  return AddEvent(workflow, task, attempt, absl::StrCat("task.", result.status), EventData(result));
}

absl::Status SqlStore::SkipTask(const std::string& workflow, const SkippedTask& skipped) {
  int64_t attempt = 0;
  {
    Statement check(
        database_, "SELECT attempt FROM task WHERE workflow = ? AND id = ? AND status = 'pending'");
    // Another worker has skipped it for the same reason.
    if (!check.Bind(workflow).Bind(skipped.task).Step()) return check.status();
    attempt = check.Number(0);
  }
  DEPS_RETURN_IF_ERROR(Statement(database_, "DELETE FROM hold WHERE workflow = ? AND task = ?")
                           .Bind(workflow)
                           .Bind(skipped.task)
                           .Run());
  if (!skipped.reused) return EndTask(workflow, skipped.task, attempt, skipped.result);
  TaskResult result = skipped.result;
  DEPS_ASSIGN_OR_RETURN(const PlannedTask task, ReadTask(workflow, skipped.task));
  DEPS_ASSIGN_OR_RETURN(result.outputs, ReadInstallationOutputs(task.installation.name));
  return EndTask(workflow, skipped.task, attempt, result);
}

absl::Status SqlStore::ClaimTask(const std::string& workflow, const std::string& id,
                                 const Change& change, const Owner& owner, Progress* progress) {
  Claim claim = {.workflow = workflow, .task = id};
  DEPS_ASSIGN_OR_RETURN(PlannedTask task, ReadTask(workflow, id));
  std::string message;
  DEPS_ASSIGN_OR_RETURN(const bool free, IsInstallationFree(workflow, task, &message));
  if (!free) {
    progress->busy.emplace_back(id, message);
    return absl::OkStatus();
  }
  DEPS_ASSIGN_OR_RETURN(const bool begun, BeginAttempt(task, owner, &claim));
  // Another worker has it, or has ended it: a hold of this one would never end.
  if (!begun) return absl::OkStatus();
  DEPS_RETURN_IF_ERROR(HoldInstallation(workflow, task));
  if (!claim.begun) {
    claim.traces = change.traces ? change.traces(claim) : "";
    DEPS_RETURN_IF_ERROR(
        Statement(database_,
                  "UPDATE task SET traces = ?, started = ? WHERE workflow = ? AND id = ?")
            .Bind(claim.traces)
            .Bind(NowText())
            .Bind(workflow)
            .Bind(id)
            .Run());
  }
  DEPS_ASSIGN_OR_RETURN(claim.before, ReadInstallation(task.installation.name));
  DEPS_RETURN_IF_ERROR(
      AddEvent(workflow, id, claim.attempt, claim.begun ? "task.attached" : "task.running",
               json::Value::Object({{"action", json::Value::String(task.action)}})));
  progress->claimed.push_back({std::move(claim), std::move(task)});
  return absl::OkStatus();
}

absl::StatusOr<bool> SqlStore::BeginAttempt(const PlannedTask& task, const Owner& owner,
                                            Claim* claim) {
  DEPS_ASSIGN_OR_RETURN(const int64_t now, database_.Clock());
  std::string status;
  std::string holder;
  {
    Statement row(database_,
                  "SELECT t.status, t.epoch, t.attempt, t.revision, t.failures, t.traces, t.owner, "
                  "r.host FROM task t LEFT JOIN runner r ON r.id = t.owner "
                  "WHERE t.workflow = ? AND t.id = ? "
                  "AND (t.not_before <= ? OR t.not_before > ?)");
    row.Bind(claim->workflow).Bind(task.id).Bind(now).Bind(now + kLongestDelay);
    if (!row.Step()) {
      DEPS_RETURN_IF_ERROR(row.status());
      return false;
    }
    status = row.Text(0);
    claim->epoch = row.Number(1);
    claim->attempt = row.Number(2);
    claim->revision = row.Text(3);
    claim->failures = row.Number(4);
    claim->traces = row.Text(5);
    holder = row.Text(6);
    // What runs on another machine cannot be gone on with from here.
    claim->begun = !claim->traces.empty() && row.Text(7) == owner.host;
  }
  // A claim whose answer did not arrive is this process's all the same.
  if (status == "running" && holder == owner.id) {
    claim->begun = false;
    return true;
  }
  if (status != "pending") return false;
  ++claim->epoch;
  if (!claim->begun) ++claim->attempt;
  DEPS_RETURN_IF_ERROR(
      Statement(database_,
                "UPDATE task SET status = 'running', epoch = ?, attempt = ?, owner = ?, "
                "finished = '', exit_code = NULL, reason = '', message = '' "
                "WHERE workflow = ? AND id = ?")
          .Bind(claim->epoch)
          .Bind(claim->attempt)
          .Bind(owner.id)
          .Bind(claim->workflow)
          .Bind(task.id)
          .Run());
  return true;
}

absl::StatusOr<bool> SqlStore::IsInstallationFree(const std::string& workflow,
                                                  const PlannedTask& task, std::string* message) {
  const InstallationName& name = task.installation.name;
  std::string other;
  {
    Statement rows(database_,
                   "SELECT workflow FROM hold WHERE namespace = ? AND name = ? AND workflow <> ?");
    if (rows.Bind(name.name_space).Bind(name.name).Bind(workflow).Step()) other = rows.Text(0);
    DEPS_RETURN_IF_ERROR(rows.status());
  }
  if (other.empty()) return true;
  // Also where its process is dead: what that one started may run on.
  DEPS_ASSIGN_OR_RETURN(const bool held, IsHeld(other));
  *message = absl::StrCat("installation '", name.name_space, "/", name.name,
                          "' is in use by workflow '", other, "'",
                          held ? ""
                               : absl::StrCat(", whose process is gone; deps-run resume ", other,
                                              " or deps-run cancel ", other, " frees it"));
  return false;
}

absl::Status SqlStore::HoldInstallation(const std::string& workflow, const PlannedTask& task) {
  const InstallationName& name = task.installation.name;
  return Statement(database_,
                   "INSERT INTO hold(namespace, name, workflow, task) VALUES(?, ?, ?, ?) "
                   "ON CONFLICT(namespace, name) DO UPDATE SET workflow = excluded.workflow, "
                   "task = excluded.task")
      .Bind(name.name_space)
      .Bind(name.name)
      .Bind(workflow)
      .Bind(task.id)
      .Run();
}

}  // namespace deps
