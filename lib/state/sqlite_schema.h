// The tables of a SQLite state, version by version.
#ifndef DEPS_LIB_STATE_SQLITE_SCHEMA_H_
#define DEPS_LIB_STATE_SQLITE_SCHEMA_H_

#include "absl/status/status.h"
#include "lib/state/sqlite.h"

namespace deps {

// Brings the database to the present version, in one transaction.
// Errors: state-open, also where the database is of a later version.
absl::Status Migrate(SqliteDatabase& database);

}  // namespace deps

#endif  // DEPS_LIB_STATE_SQLITE_SCHEMA_H_
