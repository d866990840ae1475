// SQLite with its errors as statuses. Only this package sees it.
#ifndef DEPS_LIB_STATE_SQLITE_H_
#define DEPS_LIB_STATE_SQLITE_H_

#include <sqlite3.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace deps {

class SqliteDatabase;

// A statement with its parameters bound in order of the calls. After an error
// all further calls do nothing; Step, Run and status tell it.
class SqliteStatement {
 public:
  SqliteStatement(SqliteDatabase& database, std::string_view sql);
  SqliteStatement(const SqliteStatement&) = delete;
  SqliteStatement& operator=(const SqliteStatement&) = delete;
  ~SqliteStatement();

  SqliteStatement& Bind(std::string_view text);
  SqliteStatement& Bind(int64_t number);
  SqliteStatement& BindBlob(std::string_view bytes);
  SqliteStatement& BindNull();

  // Whether there is a further row. False also after an error.
  bool Step();
  // For statements without rows.
  absl::Status Run();
  absl::Status status() const { return status_; }

  std::string Text(int column) const;  // "" for NULL.
  int64_t Number(int column) const;
  bool IsNull(int column) const;

 private:
  void Check(int result);

  SqliteDatabase& database_;
  sqlite3_stmt* statement_ = nullptr;
  int bound_ = 0;
  absl::Status status_;
};

class SqliteDatabase {
 public:
  // Errors: state-open.
  static absl::StatusOr<std::unique_ptr<SqliteDatabase>> Open(const std::string& path);
  SqliteDatabase(const SqliteDatabase&) = delete;
  SqliteDatabase& operator=(const SqliteDatabase&) = delete;
  ~SqliteDatabase();

  absl::Status Execute(const char* sql);
  // Rows that the last statement changed.
  int64_t Changes() const;
  // What SQLite says about the last error.
  absl::Status Error() const;

 private:
  friend class SqliteStatement;
  SqliteDatabase(sqlite3* database, std::string path)
      : database_(database), path_(std::move(path)) {}
  sqlite3* database_;
  std::string path_;
};

// BEGIN IMMEDIATE, and ROLLBACK unless Commit was called.
class SqliteTransaction {
 public:
  static absl::StatusOr<std::unique_ptr<SqliteTransaction>> Begin(SqliteDatabase& database);
  SqliteTransaction(const SqliteTransaction&) = delete;
  SqliteTransaction& operator=(const SqliteTransaction&) = delete;
  ~SqliteTransaction();
  absl::Status Commit();

 private:
  explicit SqliteTransaction(SqliteDatabase& database) : database_(database) {}
  SqliteDatabase& database_;
  bool open_ = true;
};

}  // namespace deps

#endif  // DEPS_LIB_STATE_SQLITE_H_
