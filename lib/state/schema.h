// The tables of a state, version by version.
#ifndef DEPS_LIB_STATE_SCHEMA_H_
#define DEPS_LIB_STATE_SCHEMA_H_

#include "absl/status/status.h"
#include "lib/state/database.h"

namespace deps {

// Brings the database to the present version, in one transaction.
// Errors: state-open, also where the database is of a later version.
absl::Status Migrate(Database& database);

}  // namespace deps

#endif  // DEPS_LIB_STATE_SCHEMA_H_
