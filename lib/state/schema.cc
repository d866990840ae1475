#include "lib/state/schema.h"

#include <cstdint>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "lib/base/status_macros.h"
#include "lib/diag/diagnostic.h"
#include "lib/diag/source.h"
#include "lib/json/json.h"

namespace deps {
namespace {

// Gives each task of the plans that there are a row of its own.
absl::Status SplitPlans(Database& database) {
  std::vector<std::string> workflows;
  {
    Statement rows(database, "SELECT workflow FROM plan");
    while (rows.Step()) workflows.push_back(rows.Text(0));
    DEPS_RETURN_IF_ERROR(rows.status());
  }
  for (const std::string& workflow : workflows) {
    Source source = {.name = absl::StrCat("the plan of ", workflow)};
    {
      Statement row(database, "SELECT document FROM plan WHERE workflow = ?");
      if (row.Bind(workflow).Step()) source.text = row.Text(0);
      DEPS_RETURN_IF_ERROR(row.status());
    }
    DEPS_ASSIGN_OR_RETURN(json::Value plan, json::Parse(source));
    json::Value tasks = json::Value::Array();
    if (json::Value* const found = plan.Find("tasks")) std::swap(tasks.items, found->items);
    for (size_t i = 0; i < tasks.items.size(); ++i) {
      DEPS_RETURN_IF_ERROR(
          Statement(database,
                    "INSERT INTO planned_task(workflow, position, document) VALUES(?, ?, ?)")
              .Bind(workflow)
              .Bind(static_cast<int64_t>(i))
              .BindLarge(json::Canonical(tasks.items[i]))
              .Run());
    }
    DEPS_RETURN_IF_ERROR(Statement(database, "UPDATE plan SET document = ? WHERE workflow = ?")
                             .BindLarge(json::Canonical(plan))
                             .Bind(workflow)
                             .Run());
  }
  return absl::OkStatus();
}

struct Migration {
  const char* sql;
  absl::Status (*then)(Database&) = nullptr;
};

// Each brings a database from its index to the next version. What was released
// is not changed; a change is a further entry.
constexpr Migration kMigrations[] = {
    {R"(
CREATE TABLE runner(
  id TEXT PRIMARY KEY, host TEXT NOT NULL, pid INTEGER NOT NULL, start_time INTEGER NOT NULL,
  boot_id TEXT NOT NULL, started TEXT NOT NULL) STRICT;
CREATE TABLE workflow(
  id TEXT PRIMARY KEY, plan_digest TEXT NOT NULL, plan TEXT NOT NULL, action TEXT NOT NULL,
  namespace TEXT NOT NULL, installation TEXT NOT NULL, engine TEXT NOT NULL, driver TEXT NOT NULL,
  status TEXT NOT NULL, created TEXT NOT NULL, modified TEXT NOT NULL,
  owner TEXT REFERENCES runner(id), cancel_requested INTEGER NOT NULL DEFAULT 0) STRICT;
CREATE TABLE task(
  workflow TEXT NOT NULL REFERENCES workflow(id) ON DELETE CASCADE, id TEXT NOT NULL,
  position INTEGER NOT NULL, status TEXT NOT NULL, attempt INTEGER NOT NULL DEFAULT 0,
  epoch INTEGER NOT NULL DEFAULT 0, revision TEXT NOT NULL, started TEXT NOT NULL DEFAULT '',
  finished TEXT NOT NULL DEFAULT '', exit_code INTEGER, reason TEXT NOT NULL DEFAULT '',
  message TEXT NOT NULL DEFAULT '', traces TEXT NOT NULL DEFAULT '',
  PRIMARY KEY(workflow, id)) STRICT;
CREATE TABLE output(
  workflow TEXT NOT NULL, task TEXT NOT NULL, name TEXT NOT NULL, sensitive INTEGER NOT NULL,
  value TEXT, box BLOB, ref TEXT, PRIMARY KEY(workflow, task, name),
  FOREIGN KEY(workflow, task) REFERENCES task(workflow, id) ON DELETE CASCADE,
  CHECK((sensitive = 0 AND box IS NULL) OR (sensitive = 1 AND value IS NULL))) STRICT;
CREATE TABLE event(
  seq INTEGER PRIMARY KEY AUTOINCREMENT, time TEXT NOT NULL,
  workflow TEXT NOT NULL REFERENCES workflow(id) ON DELETE CASCADE, task TEXT NOT NULL,
  attempt INTEGER NOT NULL, type TEXT NOT NULL, data TEXT NOT NULL) STRICT;
CREATE INDEX event_workflow ON event(workflow, seq);
CREATE TABLE hold(
  namespace TEXT NOT NULL, name TEXT NOT NULL, workflow TEXT NOT NULL, task TEXT NOT NULL,
  PRIMARY KEY(namespace, name),
  FOREIGN KEY(workflow, task) REFERENCES task(workflow, id) ON DELETE CASCADE) STRICT;
CREATE TABLE installation(
  namespace TEXT NOT NULL, name TEXT NOT NULL, document TEXT NOT NULL,
  PRIMARY KEY(namespace, name)) STRICT;
CREATE TABLE run(
  id TEXT PRIMARY KEY, namespace TEXT NOT NULL, installation TEXT NOT NULL,
  document TEXT NOT NULL) STRICT;
CREATE TABLE result(
  id TEXT PRIMARY KEY, run TEXT NOT NULL REFERENCES run(id), namespace TEXT NOT NULL,
  installation TEXT NOT NULL, status TEXT NOT NULL, document TEXT NOT NULL) STRICT;
CREATE TABLE installation_output(
  namespace TEXT NOT NULL, installation TEXT NOT NULL, name TEXT NOT NULL, result TEXT NOT NULL,
  sensitive INTEGER NOT NULL, value TEXT, box BLOB, ref TEXT,
  PRIMARY KEY(namespace, installation, name, result),
  CHECK((sensitive = 0 AND box IS NULL) OR (sensitive = 1 AND value IS NULL))) STRICT;
)"},
    {R"(
ALTER TABLE runner ADD COLUMN lease_until INTEGER NOT NULL DEFAULT 0;
ALTER TABLE workflow ADD COLUMN mode TEXT NOT NULL DEFAULT 'run';
ALTER TABLE workflow ADD COLUMN options TEXT NOT NULL DEFAULT '{}';
ALTER TABLE task ADD COLUMN owner TEXT NOT NULL DEFAULT '';
ALTER TABLE task ADD COLUMN failures INTEGER NOT NULL DEFAULT 0;
ALTER TABLE task ADD COLUMN not_before INTEGER NOT NULL DEFAULT 0;
CREATE INDEX task_status ON task(workflow, status);
CREATE INDEX workflow_plan ON workflow(plan_digest, mode);
CREATE TABLE workflow_output(
  workflow TEXT NOT NULL REFERENCES workflow(id) ON DELETE CASCADE, name TEXT NOT NULL,
  sensitive INTEGER NOT NULL, value TEXT, box BLOB, ref TEXT, PRIMARY KEY(workflow, name),
  CHECK((sensitive = 0 AND box IS NULL) OR (sensitive = 1 AND value IS NULL))) STRICT;
)"},
    // A plan may have megabytes, and SQLite reads through it to the columns behind.
    {R"(
CREATE TABLE plan(
  workflow TEXT PRIMARY KEY REFERENCES workflow(id) ON DELETE CASCADE,
  document TEXT NOT NULL) STRICT;
INSERT INTO plan(workflow, document) SELECT id, plan FROM workflow;
ALTER TABLE workflow DROP COLUMN plan;
)"},
    // A runner has the tasks in memory that it runs, not those of the whole plan.
    {R"(
CREATE TABLE planned_task(
  workflow TEXT NOT NULL REFERENCES workflow(id) ON DELETE CASCADE, position INTEGER NOT NULL,
  document TEXT NOT NULL, PRIMARY KEY(workflow, position)) STRICT;
)",
     SplitPlans},
};
constexpr int64_t kVersion = std::size(kMigrations);

// The types of PostgreSQL for those of SQLite.
std::string ForKind(Database::Kind kind, std::string_view sql) {
  if (kind == Database::Kind::kSqlite) return std::string(sql);
  return absl::StrReplaceAll(sql, {{") STRICT", ")"},
                                   {"INTEGER PRIMARY KEY AUTOINCREMENT",
                                    "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY"},
                                   {"INTEGER", "BIGINT"},
                                   {"BLOB", "BYTEA"},
                                   // Sorted by bytes, whatever the database's locale is.
                                   {"TEXT", "TEXT COLLATE \"C\""}});
}

absl::StatusOr<int64_t> VersionOf(Database& database) {
  Statement statement(database, "SELECT coalesce(max(version), 0) FROM schema");
  const int64_t version = statement.Step() ? statement.Number(0) : 0;
  DEPS_RETURN_IF_ERROR(statement.status());
  return version;
}

absl::Status MigrateWithin(Database& database) {
  DEPS_RETURN_IF_ERROR(database.Execute(ForKind(
      database.kind(), "CREATE TABLE IF NOT EXISTS schema(version INTEGER NOT NULL) STRICT")));
  DEPS_ASSIGN_OR_RETURN(const int64_t version, VersionOf(database));
  if (version > kVersion) {
    return MakeError({.id = DiagnosticId::kStateOpen,
                      .message = absl::StrCat("the state is of version ", version,
                                              ", and this command knows up to ", kVersion),
                      .hint = "use the later version of the command that wrote it"});
  }
  for (int64_t next = version; next < kVersion; ++next) {
    const Migration& migration = kMigrations[next];
    DEPS_RETURN_IF_ERROR(database.Execute(ForKind(database.kind(), migration.sql)));
    if (migration.then != nullptr) DEPS_RETURN_IF_ERROR(migration.then(database));
    DEPS_RETURN_IF_ERROR(
        Statement(database, "INSERT INTO schema(version) VALUES(?)").Bind(next + 1).Run());
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status Migrate(Database& database) {
  // Most often there is nothing to do, and then nothing is to be locked.
  const absl::StatusOr<int64_t> version = VersionOf(database);
  if (version.ok() && *version == kVersion) return absl::OkStatus();
  DEPS_RETURN_IF_ERROR(database.Begin());
  const absl::Status status = MigrateWithin(database);
  if (status.ok()) return database.Commit();
  database.Rollback();
  return status;
}

}  // namespace deps
