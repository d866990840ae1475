// Workflows as a whole: made, taken, finished, listed.
#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "lib/base/status_macros.h"
#include "lib/diag/diagnostic.h"
#include "lib/state/sqlite_store.h"
#include "lib/state/ulid.h"

namespace deps {
namespace {

constexpr std::string_view kWorkflowColumns =
    "SELECT w.id, w.plan, w.driver, w.status, w.action, w.namespace, w.installation, w.created, "
    "w.modified, w.cancel_requested, r.id, r.host, r.pid, r.start_time, r.boot_id "
    "FROM workflow w LEFT JOIN runner r ON r.id = w.owner ";

StoredWorkflow FromRow(const SqliteStatement& row) {
  StoredWorkflow workflow = {.id = row.Text(0),
                             .plan = row.Text(1),
                             .driver = row.Text(2),
                             .status = row.Text(3),
                             .action = row.Text(4),
                             .installation = {.name_space = row.Text(5), .name = row.Text(6)},
                             .created = row.Text(7),
                             .modified = row.Text(8),
                             .cancel_requested = row.Number(9) != 0};
  if (!row.IsNull(10)) {
    workflow.owner = Owner{.id = row.Text(10),
                           .host = row.Text(11),
                           .pid = row.Number(12),
                           .start_time = row.Number(13),
                           .boot_id = row.Text(14)};
  }
  return workflow;
}

absl::Status Unknown(const std::string& id) {
  return MakeError({.id = DiagnosticId::kStateUnknownWorkflow,
                    .message = absl::StrCat("there is no workflow '", id, "'"),
                    .hint = "'deps-run list' shows those that there are"});
}

// As its tasks are, once none of them runs.
std::string StatusOf(const std::vector<WorkflowTask>& tasks) {
  std::set<std::string> statuses;
  for (const WorkflowTask& task : tasks) statuses.insert(task.status);
  if (statuses.contains("failed")) return "failed";
  if (statuses.contains("canceled") || statuses.contains("pending")) return "canceled";
  return "succeeded";
}

}  // namespace

absl::Status SqliteStore::CreateWorkflow(const std::string& id, const Plan& plan,
                                         const std::string& driver, const Owner& owner) {
  return Transact([&]() -> absl::Status {
    const std::string now = NowText();
    DEPS_RETURN_IF_ERROR(AddOwner(owner));
    DEPS_RETURN_IF_ERROR(
        SqliteStatement(database_,
                        "INSERT INTO workflow(id, plan_digest, plan, action, namespace, "
                        "installation, engine, driver, status, created, modified, owner) "
                        "VALUES(?, ?, ?, ?, ?, ?, 'local', ?, 'running', ?, ?, ?)")
            .Bind(id)
            .Bind(plan.digest)
            .Bind(FormatPlan(plan, json::Style::kCompact))
            .Bind(plan.action)
            .Bind(plan.installation.name_space)
            .Bind(plan.installation.name)
            .Bind(driver)
            .Bind(now)
            .Bind(now)
            .Bind(owner.id)
            .Run());
    for (size_t i = 0; i < plan.tasks.size(); ++i) {
      DEPS_RETURN_IF_ERROR(
          SqliteStatement(database_,
                          "INSERT INTO task(workflow, id, position, status, revision) "
                          "VALUES(?, ?, ?, 'pending', ?)")
              .Bind(id)
              .Bind(plan.tasks[i].id)
              .Bind(static_cast<int64_t>(i))
              .Bind(NewUlid())
              .Run());
    }
    return AddEvent(id, "", 0, "workflow.running",
                    json::Value::Object({{"plan", json::Value::String(plan.digest)}}));
  });
}

absl::Status SqliteStore::TakeWorkflow(const std::string& id, const std::string& driver,
                                       const Owner& owner) {
  return Transact([&]() -> absl::Status {
    DEPS_RETURN_IF_ERROR(RequireFree(id));
    DEPS_RETURN_IF_ERROR(AddOwner(owner));
    DEPS_RETURN_IF_ERROR(
        SqliteStatement(database_,
                        "UPDATE workflow SET owner = ?, driver = ?, status = 'running', "
                        "modified = ?, cancel_requested = 0 WHERE id = ?")
            .Bind(owner.id)
            .Bind(driver)
            .Bind(NowText())
            .Bind(id)
            .Run());
    DEPS_RETURN_IF_ERROR(
        SqliteStatement(database_, "DELETE FROM hold WHERE workflow = ?").Bind(id).Run());
    DEPS_RETURN_IF_ERROR(
        SqliteStatement(database_,
                        "UPDATE task SET status = 'pending', exit_code = NULL, started = '', "
                        "finished = '', message = '', "
                        "reason = iif(status = 'running', 'interrupted', '') "
                        "WHERE workflow = ? AND (status IN ('running', 'failed', 'canceled') "
                        "OR (status = 'skipped' AND reason <> 'reused'))")
            .Bind(id)
            .Run());
    return AddEvent(id, "", 0, "workflow.resumed", json::Value::Object());
  });
}

absl::StatusOr<Workflow> SqliteStore::FinishWorkflow(const std::string& id, const Owner& owner) {
  Workflow finished;
  DEPS_RETURN_IF_ERROR(Transact([&]() -> absl::Status {
    DEPS_ASSIGN_OR_RETURN(finished, ReadDocument(id));
    finished.status = StatusOf(finished.tasks);
    SqliteStatement update(database_,
                           "UPDATE workflow SET status = ?, modified = ?, owner = NULL "
                           "WHERE id = ? AND owner = ?");
    DEPS_RETURN_IF_ERROR(
        update.Bind(finished.status).Bind(NowText()).Bind(id).Bind(owner.id).Run());
    if (database_.Changes() == 0) {
      return MakeError({.id = DiagnosticId::kRunBusy,
                        .message = absl::StrCat("another process took workflow '", id, "'")});
    }
    return AddEvent(id, "", 0, absl::StrCat("workflow.", finished.status), json::Value::Object());
  }));
  return finished;
}

absl::StatusOr<StoredWorkflow> SqliteStore::FindWorkflow(const std::string& id) {
  absl::MutexLock lock(&mutex_);
  return ReadWorkflow(id);
}

absl::StatusOr<StoredWorkflow> SqliteStore::ReadWorkflow(const std::string& id) {
  SqliteStatement rows(database_, absl::StrCat(kWorkflowColumns, "WHERE w.id = ?"));
  if (rows.Bind(id).Step()) return FromRow(rows);
  DEPS_RETURN_IF_ERROR(rows.status());
  return Unknown(id);
}

absl::StatusOr<std::vector<StoredWorkflow>> SqliteStore::Workflows() {
  absl::MutexLock lock(&mutex_);
  SqliteStatement rows(database_, absl::StrCat(kWorkflowColumns, "ORDER BY w.id DESC"));
  std::vector<StoredWorkflow> workflows;
  while (rows.Step()) {
    workflows.push_back(FromRow(rows));
    workflows.back().plan.clear();
  }
  DEPS_RETURN_IF_ERROR(rows.status());
  return workflows;
}

absl::StatusOr<Workflow> SqliteStore::Document(const std::string& id) {
  absl::MutexLock lock(&mutex_);
  return ReadDocument(id);
}

absl::StatusOr<Workflow> SqliteStore::ReadDocument(const std::string& id) {
  DEPS_ASSIGN_OR_RETURN(const StoredWorkflow stored, ReadWorkflow(id));
  const bool held = stored.owner.has_value() && IsAlive(*stored.owner);
  Workflow workflow = {.id = id, .status = stored.status};
  SqliteStatement digest(database_, "SELECT plan_digest, engine FROM workflow WHERE id = ?");
  if (digest.Bind(id).Step()) {
    workflow.plan = digest.Text(0);
    workflow.engine = digest.Text(1);
  }
  DEPS_RETURN_IF_ERROR(digest.status());
  SqliteStatement rows(database_,
                       "SELECT id, status, attempt, started, finished, exit_code, reason, message "
                       "FROM task WHERE workflow = ? ORDER BY position");
  rows.Bind(id);
  while (rows.Step()) {
    WorkflowTask task = {.id = rows.Text(0),
                         .status = rows.Text(1),
                         .attempt = rows.Number(2),
                         .started_at = rows.Text(3),
                         .finished_at = rows.Text(4),
                         .reason = rows.Text(6),
                         .message = rows.Text(7)};
    if (!rows.IsNull(5)) task.exit_code = rows.Number(5);
    if (task.status == "running" && !held) task.status = "unknown";
    workflow.tasks.push_back(std::move(task));
  }
  DEPS_RETURN_IF_ERROR(rows.status());
  for (WorkflowTask& task : workflow.tasks) {
    SqliteStatement outputs(database_,
                            "SELECT name, sensitive, value, box, ref FROM output "
                            "WHERE workflow = ? AND task = ? ORDER BY name");
    outputs.Bind(id).Bind(task.id);
    DEPS_ASSIGN_OR_RETURN(const std::vector<StoredOutput> stored_outputs, ReadOutputs(outputs));
    for (const StoredOutput& output : stored_outputs) {
      WorkflowOutput& shown = task.outputs[output.name];
      shown.sensitive = output.sensitive;
      if (output.sensitive) {
        shown.ref = output.ref;
      } else {
        shown.value = output.value;
      }
    }
  }
  return workflow;
}

absl::Status SqliteStore::RequestCancel(const std::string& id) {
  return Transact([&]() -> absl::Status {
    DEPS_ASSIGN_OR_RETURN(const StoredWorkflow workflow, ReadWorkflow(id));
    DEPS_RETURN_IF_ERROR(
        SqliteStatement(database_, "UPDATE workflow SET cancel_requested = 1 WHERE id = ?")
            .Bind(id)
            .Run());
    return AddEvent(id, "", 0, "workflow.cancel-requested", json::Value::Object());
  });
}

absl::Status SqliteStore::DeleteWorkflow(const std::string& id) {
  return Transact([&]() -> absl::Status {
    DEPS_RETURN_IF_ERROR(RequireFree(id));
    return SqliteStatement(database_, "DELETE FROM workflow WHERE id = ?").Bind(id).Run();
  });
}

absl::Status SqliteStore::RequireFree(const std::string& id) {
  DEPS_ASSIGN_OR_RETURN(const StoredWorkflow workflow, ReadWorkflow(id));
  if (!workflow.owner.has_value() || !IsAlive(*workflow.owner)) return absl::OkStatus();
  return MakeError({.id = DiagnosticId::kRunBusy,
                    .message = absl::StrCat("process ", workflow.owner->pid, " on ",
                                            workflow.owner->host, " runs workflow '", id, "'"),
                    .hint = absl::StrCat("wait for it, or ask it to stop: deps-run cancel ", id)});
}

absl::Status SqliteStore::AddOwner(const Owner& owner) {
  return SqliteStatement(database_,
                         "INSERT OR IGNORE INTO runner(id, host, pid, start_time, boot_id, "
                         "started) VALUES(?, ?, ?, ?, ?, ?)")
      .Bind(owner.id)
      .Bind(owner.host)
      .Bind(owner.pid)
      .Bind(owner.start_time)
      .Bind(owner.boot_id)
      .Bind(NowText())
      .Run();
}

absl::Status SqliteStore::AddEvent(const std::string& workflow, const std::string& task,
                                   int64_t attempt, std::string_view type,
                                   const json::Value& data) {
  return SqliteStatement(database_,
                         "INSERT INTO event(time, workflow, task, attempt, type, data) "
                         "VALUES(?, ?, ?, ?, ?, ?)")
      .Bind(NowText())
      .Bind(workflow)
      .Bind(task)
      .Bind(attempt)
      .Bind(type)
      .Bind(json::Canonical(data))
      .Run();
}

absl::StatusOr<std::vector<StoredEvent>> SqliteStore::Events(const std::string& workflow,
                                                             int64_t seq) {
  absl::MutexLock lock(&mutex_);
  SqliteStatement rows(database_,
                       "SELECT seq, time, workflow, task, attempt, type, data FROM event "
                       "WHERE seq > ?1 AND (?2 = '' OR workflow = ?2) ORDER BY seq");
  rows.Bind(seq).Bind(workflow);
  std::vector<StoredEvent> events;
  while (rows.Step()) {
    events.push_back({.seq = rows.Number(0),
                      .time = rows.Text(1),
                      .workflow = rows.Text(2),
                      .task = rows.Text(3),
                      .attempt = rows.Number(4),
                      .type = rows.Text(5),
                      .data = {rows.Text(6)}});
  }
  DEPS_RETURN_IF_ERROR(rows.status());
  return events;
}

}  // namespace deps
