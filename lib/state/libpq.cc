#include "lib/state/libpq.h"

#include <dlfcn.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "lib/diag/diagnostic.h"

namespace deps {
namespace {

absl::StatusOr<const Libpq*> Load() {
  // RTLD_DEEPBIND: libpq's OpenSSL binds to itself, whatever this program exports.
  void* const library = dlopen("libpq.so.5", RTLD_NOW | RTLD_LOCAL | RTLD_DEEPBIND);
  const auto missing = [] {
    const char* const why = dlerror();
    return MakeError({.id = DiagnosticId::kStateOpen,
                      .message = absl::StrCat("libpq cannot be loaded: ", why ? why : ""),
                      .hint = "install the package libpq5"});
  };
  if (library == nullptr) return missing();
  auto* const table = new Libpq();
  bool complete = true;
  const auto find = [&]<typename Function>(const char* name, Function* function) {
    *function = reinterpret_cast<Function>(dlsym(library, name));
    complete = complete && *function != nullptr;
  };
  find("PQconnectdb", &table->connectdb);
  find("PQreset", &table->reset);
  find("PQfinish", &table->finish);
  find("PQstatus", &table->status);
  find("PQerrorMessage", &table->error_message);
  find("PQsetNoticeProcessor", &table->set_notice_processor);
  find("PQexec", &table->exec);
  find("PQprepare", &table->prepare);
  find("PQexecPrepared", &table->exec_prepared);
  find("PQresultStatus", &table->result_status);
  find("PQresultErrorMessage", &table->result_error_message);
  find("PQntuples", &table->ntuples);
  find("PQgetvalue", &table->getvalue);
  find("PQgetlength", &table->getlength);
  find("PQgetisnull", &table->getisnull);
  find("PQcmdTuples", &table->cmd_tuples);
  find("PQclear", &table->clear);
  if (!complete) return missing();
  return table;
}

}  // namespace

absl::StatusOr<const Libpq*> LoadLibpq() {
  static const auto* const loaded = new absl::StatusOr<const Libpq*>(Load());
  return *loaded;
}

}  // namespace deps
