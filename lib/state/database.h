// A connection to a SQL database, as far as the state needs one. Only this
// package sees it. SQLite and PostgreSQL implement it; what is written in SQL
// above it is understood by both.
#ifndef DEPS_LIB_STATE_DATABASE_H_
#define DEPS_LIB_STATE_DATABASE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace deps {

// A value for a place holder.
struct SqlParameter {
  enum class Kind { kNull, kNumber, kText, kBlob };
  Kind kind = Kind::kNull;
  int64_t number = 0;
  std::string text;
};

// A prepared statement. Its rows are read one after the other.
class SqlCursor {
 public:
  virtual ~SqlCursor() = default;
  virtual absl::Status Start(const std::vector<SqlParameter>& parameters) = 0;
  // Whether there is a further row.
  virtual absl::StatusOr<bool> Next() = 0;
  // Rows that it changed, once it is through.
  virtual int64_t Changes() const = 0;
  virtual std::string Text(int column) const = 0;  // "" for NULL.
  virtual std::string Blob(int column) const = 0;
  virtual int64_t Number(int column) const = 0;
  virtual bool IsNull(int column) const = 0;
  // Lets go of the rows; it can be started again.
  virtual void Reset() = 0;
};

class Database {
 public:
  enum class Kind { kSqlite, kPostgres };

  virtual ~Database() = default;
  virtual Kind kind() const = 0;
  // Statements without parameters and rows, separated by semicolons.
  virtual absl::Status Execute(std::string_view sql) = 0;
  // Place holders are "?", in order. Valid until the database goes or reconnects;
  // the same text gives the same cursor unless that one is in use.
  virtual absl::StatusOr<SqlCursor*> Prepare(std::string_view sql) = 0;
  virtual void Release(SqlCursor* cursor) = 0;
  // A transaction that no other one changes the state beside.
  virtual absl::Status Begin() = 0;
  virtual absl::Status Commit() = 0;
  virtual void Rollback() = 0;
  // Milliseconds of a clock that all who share the database have in common, and
  // that leases are counted in.
  virtual absl::StatusOr<int64_t> Clock() = 0;
  // Whether the connection broke; Begin tries to make a new one.
  virtual bool Broken() const = 0;
};

// ":memory:" is a database of its own that goes with the object. Errors:
// state-open.
absl::StatusOr<std::unique_ptr<Database>> OpenSqlite(const std::string& path);

// A libpq connection URL. libpq is loaded when this is called for the first
// time. Errors: state-open, also where libpq is not installed.
absl::StatusOr<std::unique_ptr<Database>> OpenPostgres(const std::string& url);

// A statement that is run once: parameters bound in the order of the calls.
// After an error all further calls do nothing; Step, Run and status tell it.
class Statement {
 public:
  Statement(Database& database, std::string_view sql) : database_(database), sql_(sql) {}
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;
  ~Statement();

  Statement& Bind(std::string_view text);
  // As Bind, for a text that is not to be copied.
  Statement& BindLarge(std::string text);
  Statement& Bind(int64_t number);
  Statement& BindBlob(std::string_view bytes);
  Statement& BindNull();

  // Whether there is a further row. False also after an error.
  bool Step();
  // For statements whose rows do not matter.
  absl::Status Run();
  absl::Status status() const { return status_; }
  int64_t Changes() const { return cursor_ == nullptr ? 0 : cursor_->Changes(); }

  std::string Text(int column) const { return cursor_->Text(column); }
  std::string Blob(int column) const { return cursor_->Blob(column); }
  int64_t Number(int column) const { return cursor_->Number(column); }
  bool IsNull(int column) const { return cursor_->IsNull(column); }

 private:
  Database& database_;
  std::string_view sql_;
  std::vector<SqlParameter> parameters_;
  SqlCursor* cursor_ = nullptr;
  absl::Status status_;
};

}  // namespace deps

#endif  // DEPS_LIB_STATE_DATABASE_H_
