// Holds a JSON text against a JSON Schema.
#ifndef DEPS_LIB_SCHEMA_CONFORMS_H_
#define DEPS_LIB_SCHEMA_CONFORMS_H_

#include "absl/status/status.h"
#include "lib/diag/source.h"

namespace deps {

// OK where `document` is as `schema` (draft 7's vocabulary) asks. For tests and
// their tools: the commands' own readers say better what is wrong.
//
// Errors: those of json::Parse, for either text; document-value for each breach
// of the schema, with a pointer; internal where the schema itself is broken.
absl::Status ConformsToSchema(const Source& schema, const Source& document);

}  // namespace deps

#endif  // DEPS_LIB_SCHEMA_CONFORMS_H_
