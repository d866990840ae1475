// The functions of libpq that are used, loaded when they are first needed: a
// command that keeps its state in SQLite does not load libpq, nor the OpenSSL
// that it brings along.
#ifndef DEPS_LIB_STATE_LIBPQ_H_
#define DEPS_LIB_STATE_LIBPQ_H_

#include <libpq-fe.h>

#include "absl/status/statusor.h"

namespace deps {

struct Libpq {
  decltype(&PQconnectdb) connectdb;
  decltype(&PQreset) reset;
  decltype(&PQfinish) finish;
  decltype(&PQstatus) status;
  decltype(&PQerrorMessage) error_message;
  decltype(&PQsetNoticeProcessor) set_notice_processor;
  decltype(&PQexec) exec;
  decltype(&PQprepare) prepare;
  decltype(&PQexecPrepared) exec_prepared;
  decltype(&PQresultStatus) result_status;
  decltype(&PQresultErrorMessage) result_error_message;
  decltype(&PQntuples) ntuples;
  decltype(&PQgetvalue) getvalue;
  decltype(&PQgetlength) getlength;
  decltype(&PQgetisnull) getisnull;
  decltype(&PQcmdTuples) cmd_tuples;
  decltype(&PQclear) clear;
};

// Errors: state-open where libpq is not installed.
absl::StatusOr<const Libpq*> LoadLibpq();

}  // namespace deps

#endif  // DEPS_LIB_STATE_LIBPQ_H_
