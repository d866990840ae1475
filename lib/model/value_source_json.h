// Where a value of a plan comes from, as JSON. Private to this package.
#ifndef DEPS_LIB_MODEL_VALUE_SOURCE_JSON_H_
#define DEPS_LIB_MODEL_VALUE_SOURCE_JSON_H_

#include <string>

#include "absl/status/status.h"
#include "lib/diag/source.h"
#include "lib/json/json.h"
#include "lib/json/text_writer.h"
#include "lib/model/plan.h"

namespace deps {

// An object with exactly one of value, output, parameter, credential, secret
// and template; the last may come with inputs.
void WriteValueSource(json::TextWriter& out, const ValueSource& value_source);
absl::Status ValueSourceFromJson(const Source& source, const json::Value& value,
                                 std::string pointer, ValueSource* out);

}  // namespace deps

#endif  // DEPS_LIB_MODEL_VALUE_SOURCE_JSON_H_
