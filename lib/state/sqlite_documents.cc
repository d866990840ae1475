// Porter's documents: installations, runs, results and outputs.
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "lib/base/status_macros.h"
#include "lib/state/sqlite_store.h"

namespace deps {

absl::Status SqliteStore::PutDocuments(const TaskResult& result) {
  if (!result.installation.has_value()) return absl::OkStatus();
  const Installation& installation = *result.installation;
  const InstallationName& name = installation.name;
  DEPS_RETURN_IF_ERROR(
      SqliteStatement(database_,
                      "INSERT OR REPLACE INTO installation(namespace, name, document) "
                      "VALUES(?, ?, ?)")
          .Bind(name.name_space)
          .Bind(name.name)
          .Bind(json::Canonical(InstallationToJson(installation)))
          .Run());
  DEPS_RETURN_IF_ERROR(
      SqliteStatement(database_,
                      "INSERT OR REPLACE INTO run(id, namespace, installation, document) "
                      "VALUES(?, ?, ?, ?)")
          .Bind(result.run_id)
          .Bind(name.name_space)
          .Bind(name.name)
          .Bind(result.run_document)
          .Run());
  DEPS_RETURN_IF_ERROR(
      SqliteStatement(database_,
                      "INSERT INTO result(id, run, namespace, installation, status, document) "
                      "VALUES(?, ?, ?, ?, ?, ?)")
          .Bind(result.result_id)
          .Bind(result.run_id)
          .Bind(name.name_space)
          .Bind(name.name)
          .Bind(result.status)
          .Bind(result.result_document)
          .Run());
  for (const StoredOutput& output : result.outputs) {
    SqliteStatement insert(database_,
                           "INSERT INTO installation_output(namespace, installation, name, result, "
                           "sensitive, value, box, ref) VALUES(?, ?, ?, ?, ?, ?, ?, ?)");
    insert.Bind(name.name_space).Bind(name.name).Bind(output.name).Bind(result.result_id);
    insert.Bind(int64_t{output.sensitive});
    if (output.sensitive) {
      insert.BindNull().BindBlob(output.box).Bind(output.ref);
    } else {
      insert.Bind(output.value.text).BindNull().BindNull();
    }
    DEPS_RETURN_IF_ERROR(insert.Run());
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<Installation>> SqliteStore::ReadInstallations(SqliteStatement& rows) {
  std::vector<std::string> documents;
  while (rows.Step()) documents.push_back(rows.Text(0));
  DEPS_RETURN_IF_ERROR(rows.status());
  return ParseInstallations(
      {.name = "<state>", .text = absl::StrCat("[", absl::StrJoin(documents, ","), "]")});
}

absl::StatusOr<std::vector<Installation>> SqliteStore::Installations() {
  absl::MutexLock lock(&mutex_);
  SqliteStatement rows(database_, "SELECT document FROM installation ORDER BY namespace, name");
  return ReadInstallations(rows);
}

absl::StatusOr<std::optional<Installation>> SqliteStore::FindInstallation(
    const InstallationName& name) {
  absl::MutexLock lock(&mutex_);
  SqliteStatement rows(database_,
                       "SELECT document FROM installation WHERE namespace = ? AND name = ?");
  rows.Bind(name.name_space).Bind(name.name);
  DEPS_ASSIGN_OR_RETURN(std::vector<Installation> found, ReadInstallations(rows));
  if (found.empty()) return std::nullopt;
  return std::move(found.front());
}

absl::StatusOr<std::vector<StoredOutput>> SqliteStore::InstallationOutputs(
    const InstallationName& name) {
  absl::MutexLock lock(&mutex_);
  SqliteStatement rows(database_,
                       "SELECT name, sensitive, value, box, ref FROM installation_output o "
                       "WHERE namespace = ?1 AND installation = ?2 AND result = "
                       "(SELECT max(result) FROM installation_output WHERE namespace = ?1 "
                       "AND installation = ?2 AND name = o.name) ORDER BY name");
  rows.Bind(name.name_space).Bind(name.name);
  return ReadOutputs(rows);
}

}  // namespace deps
