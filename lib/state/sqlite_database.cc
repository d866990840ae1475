#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>

#include <unordered_map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "lib/base/status_macros.h"
#include "lib/diag/diagnostic.h"
#include "lib/state/database.h"
#include "lib/state/state_option.h"

namespace deps {
namespace {

constexpr int kBusyMilliseconds = 30000;
constexpr long kNfs = 0x6969;

absl::Status Failed(const std::string& path, std::string_view why, std::string hint = "") {
  return MakeError({.id = DiagnosticId::kStateOpen,
                    .message = absl::StrCat("state 'sqlite:", path, "': ", why),
                    .hint = std::move(hint)});
}

absl::Status ErrorOf(sqlite3* database, const std::string& path) {
  const int code = sqlite3_errcode(database);
  const bool closed = code == SQLITE_CANTOPEN || code == SQLITE_READONLY || code == SQLITE_PERM;
  return Failed(path, sqlite3_errmsg(database), closed ? std::string(kElsewhere) : "");
}

class SqliteCursor : public SqlCursor {
 public:
  SqliteCursor(sqlite3* database, sqlite3_stmt* statement, const std::string& path)
      : database_(database), statement_(statement), path_(path) {}
  ~SqliteCursor() override { sqlite3_finalize(statement_); }

  absl::Status Start(const std::vector<SqlParameter>& parameters) override {
    for (size_t i = 0; i < parameters.size(); ++i) {
      if (Bind(static_cast<int>(i) + 1, parameters[i]) != SQLITE_OK) return Error();
    }
    return absl::OkStatus();
  }

  absl::StatusOr<bool> Next() override {
    const int result = sqlite3_step(statement_);
    if (result == SQLITE_ROW) return true;
    if (result != SQLITE_DONE) return Error();
    changes_ = sqlite3_changes64(database_);
    return false;
  }

  int64_t Changes() const override { return changes_; }
  std::string Text(int column) const override {
    const void* const bytes = sqlite3_column_blob(statement_, column);
    const int size = sqlite3_column_bytes(statement_, column);
    return bytes == nullptr ? "" : std::string(static_cast<const char*>(bytes), size);
  }
  std::string Blob(int column) const override { return Text(column); }
  int64_t Number(int column) const override { return sqlite3_column_int64(statement_, column); }
  bool IsNull(int column) const override {
    return sqlite3_column_type(statement_, column) == SQLITE_NULL;
  }
  void Reset() override {
    sqlite3_reset(statement_);
    sqlite3_clear_bindings(statement_);
  }

 private:
  int Bind(int place, const SqlParameter& parameter) {
    // data() may be null for an empty text, which would bind NULL. The statement's
    // parameters outlive its rows, so nothing is copied.
    const char* const bytes = parameter.text.empty() ? "" : parameter.text.data();
    switch (parameter.kind) {
      case SqlParameter::Kind::kNull:
        return sqlite3_bind_null(statement_, place);
      case SqlParameter::Kind::kNumber:
        return sqlite3_bind_int64(statement_, place, parameter.number);
      case SqlParameter::Kind::kText:
        return sqlite3_bind_text64(statement_, place, bytes, parameter.text.size(), SQLITE_STATIC,
                                   SQLITE_UTF8);
      case SqlParameter::Kind::kBlob:
        return sqlite3_bind_blob64(statement_, place, bytes, parameter.text.size(), SQLITE_STATIC);
    }
    return SQLITE_MISUSE;
  }

  absl::Status Error() const { return ErrorOf(database_, path_); }

  sqlite3* const database_;
  sqlite3_stmt* const statement_;
  const std::string& path_;
  int64_t changes_ = 0;
};

class SqliteDatabase : public Database {
 public:
  SqliteDatabase(sqlite3* database, std::string path)
      : database_(database), path_(std::move(path)) {}
  ~SqliteDatabase() override {
    free_.clear();
    sqlite3_close_v2(database_);
  }

  Kind kind() const override { return Kind::kSqlite; }

  absl::Status Execute(std::string_view sql) override {
    const std::string text(sql);
    return sqlite3_exec(database_, text.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK
               ? absl::OkStatus()
               : Error();
  }

  absl::StatusOr<SqlCursor*> Prepare(std::string_view sql) override {
    auto& idle = free_[std::string(sql)];
    std::unique_ptr<SqliteCursor> cursor;
    if (idle.empty()) {
      sqlite3_stmt* statement = nullptr;
      if (sqlite3_prepare_v3(database_, sql.data(), static_cast<int>(sql.size()),
                             SQLITE_PREPARE_PERSISTENT, &statement, nullptr) != SQLITE_OK) {
        return Error();
      }
      cursor = std::make_unique<SqliteCursor>(database_, statement, path_);
    } else {
      cursor = std::move(idle.back());
      idle.pop_back();
    }
    SqliteCursor* const raw = cursor.release();
    home_[raw] = &idle;
    return raw;
  }

  void Release(SqlCursor* cursor) override {
    const auto home = home_.find(cursor);
    home->second->emplace_back(static_cast<SqliteCursor*>(cursor));
    home_.erase(home);
  }

  absl::Status Begin() override { return Run("BEGIN IMMEDIATE"); }
  absl::Status Commit() override { return Run("COMMIT"); }
  // Nothing is to be done where this fails: what was not committed is not there.
  void Rollback() override { Execute("ROLLBACK").IgnoreError(); }

  // One host: neither a step of its clock nor a suspension ends a lease.
  absl::StatusOr<int64_t> Clock() override {
    timespec now = {};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return int64_t{now.tv_sec} * 1000 + now.tv_nsec / 1000000;
  }

  bool Broken() const override { return false; }

  absl::Status Error() const { return ErrorOf(database_, path_); }

 private:
  absl::Status Run(std::string_view sql) { return Statement(*this, sql).Run(); }

  sqlite3* const database_;
  const std::string path_;
  std::unordered_map<std::string, std::vector<std::unique_ptr<SqliteCursor>>> free_;
  std::unordered_map<SqlCursor*, std::vector<std::unique_ptr<SqliteCursor>>*> home_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Database>> OpenSqlite(const std::string& path) {
  sqlite3* handle = nullptr;
  const mode_t mask = umask(077);
  const int result =
      sqlite3_open_v2(path.c_str(), &handle,
                      SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, nullptr);
  umask(mask);
  auto database = std::make_unique<SqliteDatabase>(handle, path);
  if (result != SQLITE_OK) return database->Error();
  struct statfs info = {};
  if (statfs(path.c_str(), &info) == 0 && info.f_type == kNfs) {
    return Failed(path, "a write-ahead log does not work over NFS");
  }
  sqlite3_busy_timeout(handle, kBusyMilliseconds);
  // NORMAL may lose the last transactions when the power goes, and a bundle
  // that was run would be run again.
  DEPS_RETURN_IF_ERROR(
      database->Execute("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
                        "PRAGMA foreign_keys=ON; PRAGMA secure_delete=ON;"));
  return database;
}

}  // namespace deps
