// What is asked of a state without changing it.
#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "lib/base/status_macros.h"
#include "lib/diag/diagnostic.h"
#include "lib/diag/source.h"
#include "lib/model/planned_task.h"
#include "lib/state/sql_store.h"
#include "lib/state/ulid.h"

namespace deps {
namespace {

// How many tasks of a plan are read at a time.
constexpr int64_t kPage = 256;

constexpr std::string_view kSelect =
    "SELECT w.id, w.plan_digest, w.driver, w.mode, w.options, w.status, w.action, w.namespace, "
    "w.installation, w.created, "
    "w.modified, w.cancel_requested, r.id, r.host, r.pid, r.start_time, r.boot_id, w.engine "
    "FROM workflow w LEFT JOIN runner r ON r.id = w.owner ";

StoredWorkflow FromRow(const Statement& row) {
  StoredWorkflow workflow = {.id = row.Text(0),
                             .plan = row.Text(1),
                             .start = {.engine = row.Text(17),
                                       .driver = row.Text(2),
                                       .mode = row.Text(3),
                                       .options = row.Text(4)},
                             .status = row.Text(5),
                             .action = row.Text(6),
                             .installation = {.name_space = row.Text(7), .name = row.Text(8)},
                             .created = row.Text(9),
                             .modified = row.Text(10),
                             .cancel_requested = row.Number(11) != 0};
  if (!row.IsNull(12)) {
    workflow.owner = Owner{.id = row.Text(12),
                           .host = row.Text(13),
                           .pid = row.Number(14),
                           .start_time = row.Number(15),
                           .boot_id = row.Text(16)};
  }
  return workflow;
}

WorkflowOutput Shown(const StoredOutput& output) {
  WorkflowOutput shown = {.sensitive = output.sensitive};
  if (output.sensitive) {
    shown.ref = output.ref;
  } else {
    shown.value = output.value;
  }
  return shown;
}

StoredOutput OutputFromRow(const Statement& row, int first) {
  return {.name = row.Text(first),
          .sensitive = row.Number(first + 1) != 0,
          .value = {row.Text(first + 2)},
          .box = row.Blob(first + 3),
          .ref = row.Text(first + 4)};
}

}  // namespace

absl::StatusOr<StoredWorkflow> SqlStore::FindWorkflow(const std::string& id) {
  absl::MutexLock lock(&mutex_);
  return ReadWorkflow(id);
}

absl::StatusOr<StoredWorkflow> SqlStore::ReadWorkflow(const std::string& id) {
  std::optional<StoredWorkflow> workflow;
  {
    const std::string sql = absl::StrCat(kSelect, "WHERE w.id = ?");
    Statement rows(database_, sql);
    if (rows.Bind(id).Step()) workflow = FromRow(rows);
    DEPS_RETURN_IF_ERROR(rows.status());
  }
  if (!workflow.has_value()) {
    return MakeError({.id = DiagnosticId::kStateUnknownWorkflow,
                      .message = absl::StrCat("there is no workflow '", id, "'"),
                      .hint = "'deps-run list' shows those that there are"});
  }
  DEPS_ASSIGN_OR_RETURN(workflow->held, IsHeld(id));
  return *std::move(workflow);
}

absl::StatusOr<std::vector<StoredWorkflow>> SqlStore::ReadWorkflows(Statement& rows) {
  std::vector<StoredWorkflow> workflows;
  while (rows.Step()) workflows.push_back(FromRow(rows));
  DEPS_RETURN_IF_ERROR(rows.status());
  return workflows;
}

absl::StatusOr<std::vector<StoredWorkflow>> SqlStore::Workflows() {
  absl::MutexLock lock(&mutex_);
  const std::string sql = absl::StrCat(kSelect, "ORDER BY w.id DESC");
  Statement rows(database_, sql);
  return ReadWorkflows(rows);
}

absl::StatusOr<std::vector<StoredWorkflow>> SqlStore::SharedWorkflows() {
  absl::MutexLock lock(&mutex_);
  const std::string sql =
      absl::StrCat(kSelect, "WHERE w.mode = 'shared' AND w.status = 'running' ORDER BY w.id");
  Statement rows(database_, sql);
  return ReadWorkflows(rows);
}

absl::StatusOr<Plan> SqlStore::ReadPlanHead(const std::string& id) {
  absl::MutexLock lock(&mutex_);
  std::string document;
  {
    Statement rows(database_, "SELECT document FROM plan WHERE workflow = ?");
    if (rows.Bind(id).Step()) document = rows.Text(0);
    DEPS_RETURN_IF_ERROR(rows.status());
  }
  if (document.empty()) DEPS_RETURN_IF_ERROR(ReadWorkflow(id).status());
  return ParsePlanHead({.name = absl::StrCat("the plan of ", id), .text = std::move(document)});
}

absl::StatusOr<Plan> SqlStore::ReadPlan(const std::string& id) {
  DEPS_ASSIGN_OR_RETURN(Plan plan, ReadPlanHead(id));
  DEPS_RETURN_IF_ERROR(ForEachTask(id, [&](const PlannedTask& task) {
    plan.tasks.push_back(task);
    return absl::OkStatus();
  }));
  return plan;
}

absl::Status SqlStore::ForEachTask(const std::string& id, TaskVisitor visit) {
  Source source = {.name = absl::StrCat("the plan of ", id)};
  std::vector<std::string> page;
  for (int64_t next = 0; next == 0 || !page.empty(); next += kPage) {
    page.clear();
    {
      absl::MutexLock lock(&mutex_);
      Statement rows(database_,
                     "SELECT document FROM planned_task "
                     "WHERE workflow = ? AND position >= ? AND position < ? ORDER BY position");
      rows.Bind(id).Bind(next).Bind(next + kPage);
      while (rows.Step()) page.push_back(rows.Text(0));
      DEPS_RETURN_IF_ERROR(rows.status());
    }
    for (std::string& document : page) {
      source.text = std::move(document);
      DEPS_ASSIGN_OR_RETURN(const PlannedTask task, ParsePlannedTask(source));
      DEPS_RETURN_IF_ERROR(visit(task));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<PlannedTask> SqlStore::FindTask(const std::string& id, const std::string& task) {
  absl::MutexLock lock(&mutex_);
  return ReadTask(id, task);
}

absl::StatusOr<PlannedTask> SqlStore::ReadTask(const std::string& workflow,
                                               const std::string& task) {
  Source source = {.name = absl::StrCat("the plan of ", workflow)};
  {
    Statement rows(database_,
                   "SELECT p.document FROM task t JOIN planned_task p "
                   "ON p.workflow = t.workflow AND p.position = t.position "
                   "WHERE t.workflow = ? AND t.id = ?");
    if (rows.Bind(workflow).Bind(task).Step()) source.text = rows.Text(0);
    DEPS_RETURN_IF_ERROR(rows.status());
  }
  if (!source.text.empty()) return ParsePlannedTask(source);
  return MakeError({.id = DiagnosticId::kStateUnknownWorkflow,
                    .message = absl::StrCat("workflow '", workflow, "' has no task '", task, "'")});
}

absl::StatusOr<Workflow> SqlStore::Document(const std::string& id) {
  absl::MutexLock lock(&mutex_);
  return ReadDocument(id);
}

absl::StatusOr<Workflow> SqlStore::ReadDocument(const std::string& id) {
  Workflow workflow = {.id = id};
  std::string holder;
  {
    Statement row(database_,
                  "SELECT plan_digest, engine, status, owner FROM workflow WHERE id = ?");
    if (row.Bind(id).Step()) {
      workflow.plan = row.Text(0);
      workflow.engine = row.Text(1);
      workflow.status = row.Text(2);
      holder = row.Text(3);
    }
    DEPS_RETURN_IF_ERROR(row.status());
  }
  if (workflow.plan.empty()) DEPS_RETURN_IF_ERROR(ReadWorkflow(id).status());
  {
    // A list of many tasks takes twice its room where it grows.
    Statement row(database_, "SELECT count(*) FROM task WHERE workflow = ?");
    if (row.Bind(id).Step()) workflow.tasks.reserve(static_cast<size_t>(row.Number(0)));
    DEPS_RETURN_IF_ERROR(row.status());
  }
  absl::flat_hash_map<std::string, bool> alive;
  std::vector<std::pair<size_t, std::string>> running;
  {
    Statement rows(database_,
                   "SELECT id, status, attempt, started, finished, exit_code, reason, message, "
                   "owner FROM task WHERE workflow = ? ORDER BY position");
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
      if (task.status == "running") {
        const std::string owner = rows.Text(8);
        running.emplace_back(workflow.tasks.size(), owner.empty() ? holder : owner);
      }
      workflow.tasks.push_back(std::move(task));
    }
    DEPS_RETURN_IF_ERROR(rows.status());
  }
  for (const auto& [place, owner] : running) {
    if (!alive.contains(owner)) {
      DEPS_ASSIGN_OR_RETURN(alive[owner], IsRunnerAlive(owner));
    }
    if (!alive[owner]) workflow.tasks[place].status = "unknown";
  }
  {
    Statement rows(database_,
                   "SELECT t.position, o.name, o.sensitive, o.value, o.box, o.ref FROM output o "
                   "JOIN task t ON t.workflow = o.workflow AND t.id = o.task WHERE o.workflow = ?");
    rows.Bind(id);
    while (rows.Step()) {
      const StoredOutput output = OutputFromRow(rows, 1);
      workflow.tasks[static_cast<size_t>(rows.Number(0))].outputs[output.name] = Shown(output);
    }
    DEPS_RETURN_IF_ERROR(rows.status());
  }
  Statement rows(database_,
                 "SELECT name, sensitive, value, box, ref FROM workflow_output "
                 "WHERE workflow = ? ORDER BY name");
  rows.Bind(id);
  DEPS_ASSIGN_OR_RETURN(const std::vector<StoredOutput> outputs, ReadOutputs(rows));
  for (const StoredOutput& output : outputs) workflow.outputs[output.name] = Shown(output);
  return workflow;
}

absl::StatusOr<std::vector<StoredOutput>> SqlStore::ReadOutputs(Statement& rows) {
  std::vector<StoredOutput> outputs;
  while (rows.Step()) outputs.push_back(OutputFromRow(rows, 0));
  DEPS_RETURN_IF_ERROR(rows.status());
  return outputs;
}

absl::StatusOr<std::vector<StoredOutput>> SqlStore::Outputs(const std::string& workflow,
                                                            const std::string& task) {
  absl::MutexLock lock(&mutex_);
  Statement rows(database_,
                 "SELECT name, sensitive, value, box, ref FROM output "
                 "WHERE workflow = ? AND task = ? ORDER BY name");
  rows.Bind(workflow).Bind(task);
  return ReadOutputs(rows);
}

absl::StatusOr<std::vector<StoredOutput>> SqlStore::WorkflowOutputs(const std::string& workflow) {
  absl::MutexLock lock(&mutex_);
  Statement rows(database_,
                 "SELECT name, sensitive, value, box, ref FROM workflow_output "
                 "WHERE workflow = ? ORDER BY name");
  rows.Bind(workflow);
  return ReadOutputs(rows);
}

absl::StatusOr<int64_t> SqlStore::LastEvent(const std::string& workflow) {
  absl::MutexLock lock(&mutex_);
  Statement row(database_, "SELECT coalesce(max(seq), 0) FROM event WHERE workflow = ?");
  const int64_t last = row.Bind(workflow).Step() ? row.Number(0) : 0;
  DEPS_RETURN_IF_ERROR(row.status());
  return last;
}

absl::Status SqlStore::PutOutputs(const std::string& workflow, const std::string& task,
                                  const std::vector<StoredOutput>& outputs) {
  DEPS_RETURN_IF_ERROR(Statement(database_, "DELETE FROM output WHERE workflow = ? AND task = ?")
                           .Bind(workflow)
                           .Bind(task)
                           .Run());
  for (const StoredOutput& output : outputs) {
    Statement insert(database_,
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

absl::Status SqlStore::AddEvent(const std::string& workflow, const std::string& task,
                                int64_t attempt, std::string_view type, const json::Value& data) {
  return Statement(database_,
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

absl::StatusOr<std::vector<StoredEvent>> SqlStore::Events(const std::string& workflow,
                                                          int64_t seq) {
  absl::MutexLock lock(&mutex_);
  return ReadEvents(workflow, seq);
}

absl::StatusOr<std::vector<StoredEvent>> SqlStore::ReadEvents(const std::string& workflow,
                                                              int64_t seq) {
  const std::string_view sql =
      workflow.empty() ? "SELECT seq, time, workflow, task, attempt, type, data FROM event "
                         "WHERE seq > ? ORDER BY seq"
                       : "SELECT seq, time, workflow, task, attempt, type, data FROM event "
                         "WHERE seq > ? AND workflow = ? ORDER BY seq";
  Statement rows(database_, sql);
  rows.Bind(seq);
  if (!workflow.empty()) rows.Bind(workflow);
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
