// Holds a value against what a bundle's definition asks for.
#ifndef DEPS_LIB_SCHEMA_VALUE_H_
#define DEPS_LIB_SCHEMA_VALUE_H_

#include "absl/status/status.h"
#include "lib/json/json.h"

namespace deps {

// OK where `value` is as `schema` (an object with draft 7's keywords, a bundle's
// own) asks. `format` is not looked at. A `pattern` is RE2's, which takes time in
// proportion to the value whatever it is.
//
// Errors: plan-value, one for each breach; also where the schema itself cannot
// be used. No message repeats the value.
absl::Status CheckValue(const JsonText& value, const JsonText& schema);

}  // namespace deps

#endif  // DEPS_LIB_SCHEMA_VALUE_H_
