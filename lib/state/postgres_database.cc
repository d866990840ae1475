#include <cstdlib>
#include <unordered_map>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "lib/base/status_macros.h"
#include "lib/diag/diagnostic.h"
#include "lib/state/database.h"
#include "lib/state/libpq.h"

namespace deps {
namespace {

// All changes of the state are one after the other, as they are in SQLite. Any
// number that no other program takes for the same database will do.
constexpr std::string_view kBegin = "BEGIN; SELECT pg_advisory_xact_lock(6065726001)";

void IgnoreNotice(void*, const char*) {}

// The first line of a message; the rest is context.
absl::Status Failed(std::string_view message) {
  const std::string_view line = message.substr(0, message.find('\n'));
  return MakeError(
      {.id = DiagnosticId::kStateOpen,
       .message = absl::StrCat("state in PostgreSQL: ", absl::StripAsciiWhitespace(line))});
}

// "?" as "$1", "$2" and so on.
std::string Numbered(std::string_view sql) {
  std::string text;
  int number = 0;
  bool quoted = false;
  for (const char c : sql) {
    if (c == '\'') quoted = !quoted;
    if (c == '?' && !quoted) {
      absl::StrAppend(&text, "$", ++number);
    } else {
      text += c;
    }
  }
  return text;
}

class PostgresCursor : public SqlCursor {
 public:
  PostgresCursor(const Libpq& pq, PGconn* connection, std::string name)
      : pq_(pq), connection_(connection), name_(std::move(name)) {}
  ~PostgresCursor() override { Reset(); }

  absl::Status Start(const std::vector<SqlParameter>& parameters) override {
    Reset();
    std::vector<std::string> numbers(parameters.size());
    std::vector<const char*> values;
    std::vector<int> lengths;
    std::vector<int> formats;
    for (size_t i = 0; i < parameters.size(); ++i) {
      const SqlParameter& parameter = parameters[i];
      const bool blob = parameter.kind == SqlParameter::Kind::kBlob;
      if (parameter.kind == SqlParameter::Kind::kNumber) {
        numbers[i] = absl::StrCat(parameter.number);
      } else if (!blob) {
        // A text of PostgreSQL holds no NUL.
        numbers[i] = parameter.text;
        std::erase(numbers[i], '\0');
      }
      const std::string& bytes = blob ? parameter.text : numbers[i];
      values.push_back(parameter.kind == SqlParameter::Kind::kNull ? nullptr : bytes.c_str());
      lengths.push_back(static_cast<int>(bytes.size()));
      formats.push_back(blob ? 1 : 0);
    }
    result_ = pq_.exec_prepared(connection_, name_.c_str(), static_cast<int>(values.size()),
                                values.data(), lengths.data(), formats.data(), 0);
    row_ = -1;
    const ExecStatusType status = pq_.result_status(result_);
    if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK) return absl::OkStatus();
    return Failed(pq_.result_error_message(result_));
  }

  absl::StatusOr<bool> Next() override { return ++row_ < pq_.ntuples(result_); }
  int64_t Changes() const override {
    int64_t count = 0;
    return absl::SimpleAtoi(pq_.cmd_tuples(result_), &count) ? count : 0;
  }
  std::string Text(int column) const override {
    return std::string(pq_.getvalue(result_, row_, column),
                       static_cast<size_t>(pq_.getlength(result_, row_, column)));
  }
  std::string Blob(int column) const override {
    const std::string text = Text(column);
    return absl::StartsWith(text, "\\x") ? absl::HexStringToBytes(text.substr(2)) : text;
  }
  int64_t Number(int column) const override {
    int64_t number = 0;
    return absl::SimpleAtoi(Text(column), &number) ? number : 0;
  }
  bool IsNull(int column) const override { return pq_.getisnull(result_, row_, column) != 0; }
  void Reset() override {
    if (result_ != nullptr) pq_.clear(result_);
    result_ = nullptr;
  }

 private:
  const Libpq& pq_;
  PGconn* const connection_;
  const std::string name_;
  PGresult* result_ = nullptr;
  int row_ = -1;
};

class PostgresDatabase : public Database {
 public:
  PostgresDatabase(const Libpq& pq, PGconn* connection) : pq_(pq), connection_(connection) {
    pq_.set_notice_processor(connection_, IgnoreNotice, nullptr);
  }
  ~PostgresDatabase() override {
    prepared_.clear();
    pq_.finish(connection_);
  }

  Kind kind() const override { return Kind::kPostgres; }

  absl::Status Execute(std::string_view sql) override {
    PGresult* const result = pq_.exec(connection_, std::string(sql).c_str());
    const ExecStatusType status = pq_.result_status(result);
    const absl::Status outcome = status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK
                                     ? absl::OkStatus()
                                     : Failed(pq_.error_message(connection_));
    pq_.clear(result);
    return outcome;
  }

  // A cursor holds its rows itself, so the same one may serve several readers one
  // within the other only where their texts differ; the store never nests equal ones.
  absl::StatusOr<SqlCursor*> Prepare(std::string_view sql) override {
    std::unique_ptr<PostgresCursor>& cursor = prepared_[std::string(sql)];
    if (cursor == nullptr) {
      const std::string name = absl::StrCat("s", ++count_);
      PGresult* const result =
          pq_.prepare(connection_, name.c_str(), Numbered(sql).c_str(), 0, nullptr);
      const bool ok = pq_.result_status(result) == PGRES_COMMAND_OK;
      pq_.clear(result);
      if (!ok) return Failed(pq_.error_message(connection_));
      cursor = std::make_unique<PostgresCursor>(pq_, connection_, name);
    }
    return cursor.get();
  }
  void Release(SqlCursor*) override {}

  absl::Status Begin() override {
    if (Broken()) {
      prepared_.clear();
      pq_.reset(connection_);
      if (Broken()) return Failed(pq_.error_message(connection_));
    }
    return Execute(kBegin);
  }
  absl::Status Commit() override { return Execute("COMMIT"); }
  // Nothing is to be done where this fails: what was not committed is not there.
  void Rollback() override {
    if (!Broken()) Execute("ROLLBACK").IgnoreError();
  }

  absl::StatusOr<int64_t> Clock() override {
    Statement now(*this, "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint");
    now.Step();
    if (!now.status().ok()) return now.status();
    return now.Number(0);
  }

  bool Broken() const override { return pq_.status(connection_) != CONNECTION_OK; }

 private:
  const Libpq& pq_;
  PGconn* const connection_;
  int64_t count_ = 0;
  std::unordered_map<std::string, std::unique_ptr<PostgresCursor>> prepared_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Database>> OpenPostgres(const std::string& url) {
  DEPS_ASSIGN_OR_RETURN(const Libpq* const pq, LoadLibpq());
  PGconn* const connection = pq->connectdb(url.c_str());
  auto database = std::make_unique<PostgresDatabase>(*pq, connection);
  // The message names host and user, never the password.
  if (database->Broken()) return Failed(pq->error_message(connection));
  DEPS_RETURN_IF_ERROR(database->Execute("SET application_name = 'deps-run'"));
  return database;
}

}  // namespace deps
