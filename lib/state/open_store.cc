#include "lib/state/open_store.h"

#include <string.h>
#include <sys/stat.h>

#include <cerrno>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "lib/base/status_macros.h"
#include "lib/diag/diagnostic.h"
#include "lib/digest/sha256.h"
#include "lib/state/database.h"
#include "lib/state/sql_store.h"
#include "lib/state/state_option.h"

namespace deps {
namespace {

bool IsPostgres(std::string_view url) {
  return absl::StartsWith(url, "postgres://") || absl::StartsWith(url, "postgresql://");
}

absl::StatusOr<std::string> PathOf(const std::string& url) {
  std::string_view path = url;
  if (absl::ConsumePrefix(&path, "sqlite:") && !path.empty()) return std::string(path);
  // Not the URL itself: it may hold a password.
  return MakeError({.id = DiagnosticId::kUsage,
                    .message = absl::StrCat("state '", url.substr(0, url.find(':')),
                                            "' is not of a kind that can be opened"),
                    .hint = "states are sqlite:PATH and postgres://…"});
}

absl::StatusOr<std::unique_ptr<Store>> OpenSqliteStore(const std::string& path) {
  DEPS_ASSIGN_OR_RETURN(std::unique_ptr<Database> database, OpenSqlite(path));
  return OpenSqlStore(std::move(database));
}

absl::StatusOr<std::unique_ptr<Store>> OpenPostgresStore(const std::string& url) {
  DEPS_ASSIGN_OR_RETURN(std::unique_ptr<Database> database, OpenPostgres(url));
  return OpenSqlStore(std::move(database));
}

}  // namespace

absl::Status MakeFolders(const std::string& path) {
  for (size_t slash = path.find('/', 1);; slash = path.find('/', slash + 1)) {
    const std::string folder = path.substr(0, slash);
    if (mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) {
      return MakeError({.id = DiagnosticId::kStateOpen,
                        .message = absl::StrCat("folder '", folder, "': ", strerror(errno)),
                        .hint = std::string(kElsewhere)});
    }
    if (slash == std::string::npos) return absl::OkStatus();
  }
}

absl::StatusOr<std::unique_ptr<Store>> OpenStore(const std::string& url) {
  if (IsPostgres(url)) return OpenPostgresStore(url);
  DEPS_ASSIGN_OR_RETURN(const std::string path, PathOf(url));
  const size_t slash = path.rfind('/');
  if (slash != std::string::npos && slash > 0) {
    DEPS_RETURN_IF_ERROR(MakeFolders(path.substr(0, slash)));
  }
  return OpenSqliteStore(path);
}

absl::StatusOr<std::unique_ptr<Store>> OpenForReading(const std::string& url) {
  if (IsPostgres(url)) return OpenPostgresStore(url);
  DEPS_ASSIGN_OR_RETURN(const std::string path, PathOf(url));
  struct stat info = {};
  if (stat(path.c_str(), &info) != 0 && (errno == ENOENT || errno == ENOTDIR)) {
    return OpenSqliteStore(":memory:");
  }
  return OpenSqliteStore(path);
}

absl::StatusOr<StateFiles> FilesOf(const std::string& url, const std::string& local) {
  if (IsPostgres(url)) {
    if (local.empty()) {
      return MakeError({.id = DiagnosticId::kUsage,
                        .message =
                            "neither XDG_STATE_HOME nor HOME tells where logs and the key of "
                            "a state in PostgreSQL are"});
    }
    // Without what a password may be part of.
    const std::string name = Sha256Hex(url.substr(url.find('@') + 1)).substr(0, 16);
    const std::string stem = absl::StrCat(local, "/postgres-", name);
    return StateFiles{.key = absl::StrCat(stem, ".key"), .logs = absl::StrCat(stem, ".logs")};
  }
  DEPS_ASSIGN_OR_RETURN(const std::string path, PathOf(url));
  return StateFiles{.key = absl::StrCat(path, ".key"), .logs = absl::StrCat(path, ".logs")};
}

}  // namespace deps
