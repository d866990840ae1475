// Values as people type them, turned into what a parameter's definition asks for.
#ifndef DEPS_LIB_PLAN_TYPED_VALUE_H_
#define DEPS_LIB_PLAN_TYPED_VALUE_H_

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "lib/json/json.h"
#include "lib/model/bundle.h"

namespace deps {

// `text` as a JSON value of `type` (a JSON Schema type; "" is a string).
// Strings are taken as they are; everything else is read as JSON.
// Errors: plan-value.
absl::StatusOr<JsonText> TypedText(std::string_view text, std::string_view type);

// `value` as a JSON value of `type`: a string is read as TypedText does, a
// scalar becomes its text where a string is asked for, and an object or array
// its JSON. Errors: plan-value.
absl::StatusOr<JsonText> TypedValue(const JsonText& value, std::string_view type);

// `value` as TypedValue, and as the definition's schema asks. Errors: plan-value.
absl::StatusOr<JsonText> FittingValue(const JsonText& value, const ParameterDefinition& definition);

}  // namespace deps

#endif  // DEPS_LIB_PLAN_TYPED_VALUE_H_
