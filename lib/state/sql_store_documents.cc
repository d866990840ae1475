// Porter's documents: installations, runs, results and outputs.
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "lib/base/status_macros.h"
#include "lib/state/sql_store.h"
#include "lib/state/ulid.h"

namespace deps {

absl::Status SqlStore::PutDocuments(const TaskResult& result) {
  if (!result.installation.has_value()) return absl::OkStatus();
  const InstallationName& name = result.installation->name;
  DEPS_RETURN_IF_ERROR(PutInstallation(*result.installation));
  DEPS_RETURN_IF_ERROR(
      Statement(database_,
                "INSERT INTO run(id, namespace, installation, document) VALUES(?, ?, ?, ?) "
                "ON CONFLICT(id) DO UPDATE SET document = excluded.document")
          .Bind(result.run_id)
          .Bind(name.name_space)
          .Bind(name.name)
          .Bind(result.run_document)
          .Run());
  DEPS_RETURN_IF_ERROR(
      Statement(database_,
                "INSERT INTO result(id, run, namespace, installation, status, document) "
                "VALUES(?, ?, ?, ?, ?, ?)")
          .Bind(result.result_id)
          .Bind(result.run_id)
          .Bind(name.name_space)
          .Bind(name.name)
          .Bind(result.status)
          .Bind(result.result_document)
          .Run());
  return PutInstallationOutputs(name, result.result_id, result.outputs);
}

absl::Status SqlStore::PutInstallation(const Installation& installation) {
  return Statement(database_,
                   "INSERT INTO installation(namespace, name, document) VALUES(?, ?, ?) "
                   "ON CONFLICT(namespace, name) DO UPDATE SET document = excluded.document")
      .Bind(installation.name.name_space)
      .Bind(installation.name.name)
      .Bind(json::Canonical(InstallationToJson(installation)))
      .Run();
}

absl::Status SqlStore::PutInstallationOutputs(const InstallationName& name,
                                              const std::string& result,
                                              const std::vector<StoredOutput>& outputs) {
  for (const StoredOutput& output : outputs) {
    Statement insert(database_,
                     "INSERT INTO installation_output(namespace, installation, name, result, "
                     "sensitive, value, box, ref) VALUES(?, ?, ?, ?, ?, ?, ?, ?) "
                     "ON CONFLICT(namespace, installation, name, result) DO NOTHING");
    insert.Bind(name.name_space).Bind(name.name).Bind(output.name).Bind(result);
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

absl::Status SqlStore::ImportInstallation(const Installation& installation,
                                          const std::vector<StoredOutput>& outputs) {
  return Transact([&]() -> absl::Status {
    DEPS_RETURN_IF_ERROR(PutInstallation(installation));
    return PutInstallationOutputs(installation.name, NewUlid(), outputs);
  });
}

absl::StatusOr<std::vector<Installation>> SqlStore::ReadInstallations(Statement& rows) {
  std::vector<std::string> documents;
  while (rows.Step()) documents.push_back(rows.Text(0));
  DEPS_RETURN_IF_ERROR(rows.status());
  return ParseInstallations(
      {.name = "<state>", .text = absl::StrCat("[", absl::StrJoin(documents, ","), "]")});
}

absl::StatusOr<std::vector<Installation>> SqlStore::Installations() {
  absl::MutexLock lock(&mutex_);
  Statement rows(database_, "SELECT document FROM installation ORDER BY namespace, name");
  return ReadInstallations(rows);
}

absl::StatusOr<std::optional<Installation>> SqlStore::FindInstallation(
    const InstallationName& name) {
  absl::MutexLock lock(&mutex_);
  return ReadInstallation(name);
}

absl::StatusOr<std::optional<Installation>> SqlStore::ReadInstallation(
    const InstallationName& name) {
  Statement rows(database_, "SELECT document FROM installation WHERE namespace = ? AND name = ?");
  rows.Bind(name.name_space).Bind(name.name);
  DEPS_ASSIGN_OR_RETURN(std::vector<Installation> found, ReadInstallations(rows));
  if (found.empty()) return std::nullopt;
  return std::move(found.front());
}

absl::StatusOr<std::vector<StoredOutput>> SqlStore::InstallationOutputs(
    const InstallationName& name) {
  absl::MutexLock lock(&mutex_);
  return ReadInstallationOutputs(name);
}

absl::StatusOr<std::vector<StoredOutput>> SqlStore::ReadInstallationOutputs(
    const InstallationName& name) {
  Statement rows(database_,
                 "SELECT name, sensitive, value, box, ref FROM installation_output o "
                 "WHERE namespace = ? AND installation = ? AND result = "
                 "(SELECT max(result) FROM installation_output WHERE namespace = o.namespace "
                 "AND installation = o.installation AND name = o.name) ORDER BY name");
  rows.Bind(name.name_space).Bind(name.name);
  return ReadOutputs(rows);
}

}  // namespace deps
