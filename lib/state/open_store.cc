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
#include "lib/state/sqlite_store.h"

namespace deps {
namespace {

absl::StatusOr<std::string> PathOf(const std::string& url) {
  std::string_view path = url;
  if (absl::ConsumePrefix(&path, "sqlite:") && !path.empty()) return std::string(path);
  return MakeError({.id = DiagnosticId::kUsage,
                    .message = absl::StrCat("state '", url, "' is not one that can be opened"),
                    .hint = "states are sqlite:PATH"});
}

}  // namespace

absl::Status MakeFolders(const std::string& path) {
  for (size_t slash = path.find('/', 1);; slash = path.find('/', slash + 1)) {
    const std::string folder = path.substr(0, slash);
    if (mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) {
      return MakeError({.id = DiagnosticId::kStateOpen,
                        .message = absl::StrCat("folder '", folder, "': ", strerror(errno))});
    }
    if (slash == std::string::npos) return absl::OkStatus();
  }
}

absl::StatusOr<std::unique_ptr<Store>> OpenStore(const std::string& url) {
  DEPS_ASSIGN_OR_RETURN(const std::string path, PathOf(url));
  const size_t slash = path.rfind('/');
  if (slash != std::string::npos && slash > 0) {
    DEPS_RETURN_IF_ERROR(MakeFolders(path.substr(0, slash)));
  }
  return OpenSqliteStore(path);
}

absl::StatusOr<std::unique_ptr<Store>> OpenForReading(const std::string& url) {
  DEPS_ASSIGN_OR_RETURN(const std::string path, PathOf(url));
  struct stat info = {};
  if (stat(path.c_str(), &info) != 0 && (errno == ENOENT || errno == ENOTDIR)) {
    return OpenSqliteStore(":memory:");
  }
  return OpenSqliteStore(path);
}

absl::StatusOr<StateFiles> FilesOf(const std::string& url) {
  DEPS_ASSIGN_OR_RETURN(const std::string path, PathOf(url));
  return StateFiles{.key = absl::StrCat(path, ".key"), .logs = absl::StrCat(path, ".logs")};
}

}  // namespace deps
