// From a state's URL to its store.
#ifndef DEPS_LIB_STATE_OPEN_STORE_H_
#define DEPS_LIB_STATE_OPEN_STORE_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "lib/state/store.h"

namespace deps {

// Opens the state at `url` (sqlite:PATH or postgres://…); makes it, and the
// folders above it, where it is not there yet. Errors: state-open, usage for a URL of another
// kind.
absl::StatusOr<std::unique_ptr<Store>> OpenStore(const std::string& url);

// The same, but makes nothing: where there is no database, the store is empty.
absl::StatusOr<std::unique_ptr<Store>> OpenForReading(const std::string& url);

// Where what belongs to a state but not into a database lies.
struct StateFiles {
  std::string key;   // Of sealed values.
  std::string logs;  // A folder: LOGS/WORKFLOW/TASK.ATTEMPT.log
};
// Beside a SQLite database; for PostgreSQL below `local`, a folder of this machine.
// Errors: usage, also where `local` is "" and needed.
absl::StatusOr<StateFiles> FilesOf(const std::string& url, const std::string& local);

// A folder and those above it, mode 0700. Errors: state-open.
absl::Status MakeFolders(const std::string& path);

}  // namespace deps

#endif  // DEPS_LIB_STATE_OPEN_STORE_H_
