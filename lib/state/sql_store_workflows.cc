// Workflows as a whole: made, taken, finished, deleted; who holds them.
#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "lib/base/status_macros.h"
#include "lib/diag/diagnostic.h"
#include "lib/model/planned_task.h"
#include "lib/state/sql_store.h"
#include "lib/state/ulid.h"

namespace deps {
namespace {

// By the statuses that its tasks have, once none of them runs.
std::string StatusOf(const std::set<std::string>& statuses) {
  if (statuses.contains("failed")) return "failed";
  if (statuses.contains("canceled") || statuses.contains("pending")) return "canceled";
  return "succeeded";
}

// The tasks of a new workflow. Many rows of a statement cost a server less than a
// statement each.
class TaskRows {
 public:
  TaskRows(Database& database, const std::string& workflow)
      : database_(database), workflow_(workflow) {}

  absl::Status Add(const PlannedTask& task) {
    ids_.push_back(task.id);
    documents_.push_back(FormatPlannedTask(task));
    return ids_.size() < kRows ? absl::OkStatus() : Finish();
  }

  absl::Status Finish() {
    if (ids_.empty()) return absl::OkStatus();
    const std::string insert_tasks =
        absl::StrCat("INSERT INTO task(workflow, id, position, status, revision) VALUES",
                     Times("(?, ?, ?, 'pending', ?)"));
    const std::string insert_documents = absl::StrCat(
        "INSERT INTO planned_task(workflow, position, document) VALUES", Times("(?, ?, ?)"));
    Statement tasks(database_, insert_tasks);
    Statement documents(database_, insert_documents);
    for (size_t i = 0; i < ids_.size(); ++i) {
      tasks.Bind(workflow_).Bind(ids_[i]).Bind(position_).Bind(NewUlid());
      documents.Bind(workflow_).Bind(position_).BindLarge(std::move(documents_[i]));
      ++position_;
    }
    ids_.clear();
    documents_.clear();
    DEPS_RETURN_IF_ERROR(tasks.Run());
    return documents.Run();
  }

 private:
  static constexpr size_t kRows = 64;

  std::string Times(std::string_view row) const {
    return absl::StrJoin(std::vector<std::string_view>(ids_.size(), row), ", ");
  }

  Database& database_;
  const std::string& workflow_;
  int64_t position_ = 0;
  std::vector<std::string> ids_;
  std::vector<std::string> documents_;
};

}  // namespace

absl::Status SqlStore::CreateWorkflow(const std::string& id, const PlanReader& plan,
                                      const WorkflowStart& start, const Owner& owner) {
  return Transact([&]() -> absl::Status {
    if (start.mode == "run") DEPS_RETURN_IF_ERROR(PutOwner(owner));
    return PutWorkflow(id, plan, start, start.mode == "run" ? &owner : nullptr);
  });
}

absl::StatusOr<std::string> SqlStore::JoinSteps(const std::string& id, const PlanReader& plan,
                                                const WorkflowStart& start, bool begins) {
  std::string joined;
  DEPS_RETURN_IF_ERROR(Transact([&]() -> absl::Status {
    Statement rows(database_,
                   "SELECT id FROM workflow WHERE plan_digest = ? AND mode = 'step' "
                   "AND (status <> 'succeeded' OR ? = 0) ORDER BY id DESC");
    if (rows.Bind(plan.head().digest).Bind(int64_t{begins}).Step()) joined = rows.Text(0);
    DEPS_RETURN_IF_ERROR(rows.status());
    if (!joined.empty()) return absl::OkStatus();
    joined = id;
    return PutWorkflow(id, plan, start, nullptr);
  }));
  return joined;
}

absl::Status SqlStore::PutWorkflow(const std::string& id, const PlanReader& plan,
                                   const WorkflowStart& start, const Owner* owner) {
  const Plan& head = plan.head();
  const std::string now = NowText();
  Statement insert(database_,
                   "INSERT INTO workflow(id, plan_digest, action, namespace, installation, engine, "
                   "driver, mode, options, status, created, modified, owner) "
                   "VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, 'running', ?, ?, ?)");
  insert.Bind(id).Bind(head.digest).Bind(head.action);
  insert.Bind(head.installation.name_space).Bind(head.installation.name);
  insert.Bind(start.engine)
      .Bind(start.driver)
      .Bind(start.mode)
      .Bind(start.options)
      .Bind(now)
      .Bind(now);
  if (owner == nullptr) {
    insert.BindNull();
  } else {
    insert.Bind(owner->id);
  }
  DEPS_RETURN_IF_ERROR(insert.Run());
  DEPS_RETURN_IF_ERROR(Statement(database_, "INSERT INTO plan(workflow, document) VALUES(?, ?)")
                           .Bind(id)
                           .BindLarge(FormatPlan(head, json::Style::kCompact))
                           .Run());
  TaskRows rows(database_, id);
  DEPS_RETURN_IF_ERROR(plan.ForEachTask([&](const PlannedTask& task) { return rows.Add(task); }));
  DEPS_RETURN_IF_ERROR(rows.Finish());
  return AddEvent(id, "", 0, "workflow.running",
                  json::Value::Object({{"plan", json::Value::String(head.digest)}}));
}

absl::Status SqlStore::TakeWorkflow(const std::string& id, const WorkflowStart& start,
                                    const Owner& owner, const std::vector<std::string>& tasks) {
  return Transact([&]() -> absl::Status {
    const bool whole = start.mode == "run";
    if (whole) DEPS_RETURN_IF_ERROR(RequireFree(id));
    DEPS_RETURN_IF_ERROR(PutOwner(owner));
    DEPS_ASSIGN_OR_RETURN(const std::vector<std::string> runners, RunnersOf(id));
    for (const std::string& runner : runners) {
      // Whoever asks for a workflow does not wait until a silence is long enough.
      DEPS_ASSIGN_OR_RETURN(const bool alive, IsRunnerAlive(runner));
      if (!alive) DEPS_RETURN_IF_ERROR(TakeOver(id, runner));
    }
    Statement update(database_,
                     "UPDATE workflow SET owner = ?, driver = ?, mode = ?, options = ?, "
                     "status = 'running', modified = ?, cancel_requested = 0 WHERE id = ?");
    if (whole) {
      update.Bind(owner.id);
    } else {
      update.BindNull();
    }
    update.Bind(start.driver).Bind(start.mode).Bind(start.options).Bind(NowText()).Bind(id);
    DEPS_RETURN_IF_ERROR(update.Run());
    const std::string reset = absl::StrCat(
        "UPDATE task SET status = 'pending', exit_code = NULL, started = '', finished = '', "
        "message = '', reason = '', failures = 0, not_before = 0 WHERE workflow = ? ",
        tasks.empty() ? "" : "AND id = ? ",
        "AND (status IN ('failed', 'canceled') OR (status = 'skipped' AND reason <> 'reused'))");
    if (tasks.empty()) DEPS_RETURN_IF_ERROR(Statement(database_, reset).Bind(id).Run());
    // Whoever asks for a workflow does not wait for the next attempt either.
    DEPS_RETURN_IF_ERROR(
        Statement(database_,
                  "UPDATE task SET not_before = 0 WHERE workflow = ? AND status = 'pending'")
            .Bind(id)
            .Run());
    for (const std::string& task : tasks) {
      DEPS_RETURN_IF_ERROR(Statement(database_, reset).Bind(id).Bind(task).Run());
    }
    return AddEvent(id, "", 0, "workflow.resumed", json::Value::Object());
  });
}

absl::Status SqlStore::SetOptions(const std::string& id, const std::string& options,
                                  const Owner& owner) {
  return Transact([&]() -> absl::Status {
    Statement update(database_, "UPDATE workflow SET options = ? WHERE id = ? AND owner = ?");
    DEPS_RETURN_IF_ERROR(update.Bind(options).Bind(id).Bind(owner.id).Run());
    if (update.Changes() > 0) return absl::OkStatus();
    return MakeError({.id = DiagnosticId::kRunBusy,
                      .message = absl::StrCat("another process took workflow '", id, "'")});
  });
}

absl::Status SqlStore::FinishWorkflow(const std::string& id,
                                      const std::vector<StoredOutput>& outputs,
                                      const Owner& owner) {
  return Transact([&]() -> absl::Status {
    DEPS_ASSIGN_OR_RETURN(const bool running, IsRunning(id));
    if (!running) return absl::OkStatus();
    DEPS_ASSIGN_OR_RETURN(const std::set<std::string> statuses, TaskStatuses(id));
    const std::string status = StatusOf(statuses);
    Statement update(database_,
                     "UPDATE workflow SET status = ?, modified = ?, owner = NULL "
                     "WHERE id = ? AND (owner IS NULL OR owner = ?)");
    DEPS_RETURN_IF_ERROR(update.Bind(status).Bind(NowText()).Bind(id).Bind(owner.id).Run());
    if (update.Changes() == 0) {
      return MakeError({.id = DiagnosticId::kRunBusy,
                        .message = absl::StrCat("another process took workflow '", id, "'")});
    }
    DEPS_RETURN_IF_ERROR(
        Statement(database_, "DELETE FROM workflow_output WHERE workflow = ?").Bind(id).Run());
    for (const StoredOutput& output : outputs) {
      Statement insert(database_,
                       "INSERT INTO workflow_output(workflow, name, sensitive, value, box, ref) "
                       "VALUES(?, ?, ?, ?, ?, ?)");
      insert.Bind(id).Bind(output.name).Bind(int64_t{output.sensitive});
      if (output.sensitive) {
        insert.BindNull().BindBlob(output.box).Bind(output.ref);
      } else {
        insert.Bind(output.value.text).BindNull().BindNull();
      }
      DEPS_RETURN_IF_ERROR(insert.Run());
    }
    return AddEvent(id, "", 0, absl::StrCat("workflow.", status), json::Value::Object());
  });
}

absl::StatusOr<bool> SqlStore::IsRunning(const std::string& id) {
  Statement row(database_, "SELECT status FROM workflow WHERE id = ?");
  const bool running = row.Bind(id).Step() && row.Text(0) == "running";
  DEPS_RETURN_IF_ERROR(row.status());
  return running;
}

absl::StatusOr<std::set<std::string>> SqlStore::TaskStatuses(const std::string& workflow) {
  std::set<std::string> statuses;
  Statement rows(database_, "SELECT DISTINCT status FROM task WHERE workflow = ?");
  rows.Bind(workflow);
  while (rows.Step()) statuses.insert(rows.Text(0));
  DEPS_RETURN_IF_ERROR(rows.status());
  return statuses;
}

absl::Status SqlStore::RequestCancel(const std::string& id) {
  return Transact([&]() -> absl::Status {
    DEPS_RETURN_IF_ERROR(ReadWorkflow(id).status());
    DEPS_RETURN_IF_ERROR(
        Statement(database_, "UPDATE workflow SET cancel_requested = 1 WHERE id = ?")
            .Bind(id)
            .Run());
    return AddEvent(id, "", 0, "workflow.cancel-requested", json::Value::Object());
  });
}

absl::Status SqlStore::DeleteWorkflow(const std::string& id) {
  return Transact([&]() -> absl::Status {
    DEPS_RETURN_IF_ERROR(RequireFree(id));
    return Statement(database_, "DELETE FROM workflow WHERE id = ?").Bind(id).Run();
  });
}

absl::StatusOr<bool> SqlStore::IsRunnerAlive(const std::string& runner) {
  int64_t lease = 0;
  DEPS_ASSIGN_OR_RETURN(const Liveness liveness, LivenessOf(runner, &lease));
  return liveness == Liveness::kAlive;
}

absl::StatusOr<SqlStore::Liveness> SqlStore::LivenessOf(const std::string& runner, int64_t* lease) {
  Statement row(database_,
                "SELECT host, pid, start_time, boot_id, lease_until FROM runner WHERE id = ?");
  if (!row.Bind(runner).Step()) {
    DEPS_RETURN_IF_ERROR(row.status());
    return Liveness::kDead;
  }
  const Owner owner = {.id = runner,
                       .host = row.Text(0),
                       .pid = row.Number(1),
                       .start_time = row.Number(2),
                       .boot_id = row.Text(3)};
  *lease = row.Number(4);
  if (!IsAlive(owner) || *lease < 0) return Liveness::kDead;
  DEPS_ASSIGN_OR_RETURN(const int64_t now, database_.Clock());
  // 0: written by a version that knew no leases.
  return *lease == 0 || now <= *lease ? Liveness::kAlive : Liveness::kSilent;
}

absl::StatusOr<std::vector<std::string>> SqlStore::RunnersOf(const std::string& workflow) {
  std::vector<std::string> runners;
  Statement rows(database_,
                 "SELECT DISTINCT owner FROM task WHERE workflow = ? AND status = 'running'");
  rows.Bind(workflow);
  while (rows.Step()) runners.push_back(rows.Text(0));
  DEPS_RETURN_IF_ERROR(rows.status());
  return runners;
}

absl::StatusOr<bool> SqlStore::IsHeld(const std::string& id) {
  DEPS_ASSIGN_OR_RETURN(std::vector<std::string> runners, RunnersOf(id));
  {
    Statement row(database_, "SELECT owner FROM workflow WHERE id = ? AND owner IS NOT NULL");
    if (row.Bind(id).Step()) runners.push_back(row.Text(0));
    DEPS_RETURN_IF_ERROR(row.status());
  }
  for (const std::string& runner : runners) {
    DEPS_ASSIGN_OR_RETURN(const bool alive, IsRunnerAlive(runner));
    if (alive) return true;
  }
  return false;
}

absl::Status SqlStore::RequireFree(const std::string& id) {
  DEPS_ASSIGN_OR_RETURN(const StoredWorkflow workflow, ReadWorkflow(id));
  if (!workflow.held) return absl::OkStatus();
  const std::string who =
      workflow.owner.has_value()
          ? absl::StrCat("process ", workflow.owner->pid, " on ", workflow.owner->host, " runs")
          : "workers run";
  return MakeError({.id = DiagnosticId::kRunBusy,
                    .message = absl::StrCat(who, " workflow '", id, "'"),
                    .hint = absl::StrCat("wait for it, or ask it to stop: deps-run cancel ", id)});
}

absl::Status SqlStore::Register(const Owner& owner, absl::Duration lease) {
  return Transact([&]() -> absl::Status {
    lease_ = lease;
    return PutOwner(owner);
  });
}

absl::Status SqlStore::PutOwner(const Owner& owner) {
  DEPS_ASSIGN_OR_RETURN(const int64_t now, database_.Clock());
  renew_after_ = 0;
  return Statement(database_,
                   "INSERT INTO runner(id, host, pid, start_time, boot_id, started, lease_until) "
                   "VALUES(?, ?, ?, ?, ?, ?, ?) ON CONFLICT(id) DO NOTHING")
      .Bind(owner.id)
      .Bind(owner.host)
      .Bind(owner.pid)
      .Bind(owner.start_time)
      .Bind(owner.boot_id)
      .Bind(NowText())
      .Bind(now + absl::ToInt64Milliseconds(lease_))
      .Run();
}

}  // namespace deps
