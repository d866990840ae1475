// Porter's parameter and credential sets: where the user's inputs are kept.
#ifndef DEPS_LIB_PLAN_SETS_H_
#define DEPS_LIB_PLAN_SETS_H_

#include <map>
#include <string>

#include "absl/status/statusor.h"
#include "lib/diag/diagnostic.h"
#include "lib/diag/source.h"
#include "lib/model/plan.h"

namespace deps {

struct SetEntry {
  ValueSource source;
  Location location;  // Of the entry, for diagnostics.
};

// By the entry's name, "NAME" or "NODE#NAME".
using InputSet = std::map<std::string, SetEntry>;

// Reads a set, YAML or JSON (which is YAML): a CredentialSet with `credentials`
// or a ParameterSet with `parameters`, which `schemaType`, where it is there,
// must name. Each entry's source is one of
//   env: NAME -> secret env:NAME        path: PATH -> secret file:PATH
//   command: TEXT -> secret command:TEXT
//   secret: TEXT -> secret TEXT where TEXT names a provider (vault:kv/db#pw),
//     else secret:TEXT
//   value: ANY -> the value
//
// Source: bundles.md 1.7.
// Errors: yaml-syntax, yaml-duplicate-key, document-kind, document-type,
// document-member, document-value (a source of another or of two kinds, a name
// that occurs twice).
absl::StatusOr<InputSet> ReadParameterSet(const Source& source);
absl::StatusOr<InputSet> ReadCredentialSet(const Source& source);

}  // namespace deps

#endif  // DEPS_LIB_PLAN_SETS_H_
