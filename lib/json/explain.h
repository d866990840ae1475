// Why a text is no JSON.
#ifndef DEPS_LIB_JSON_EXPLAIN_H_
#define DEPS_LIB_JSON_EXPLAIN_H_

#include "absl/status/status.h"
#include "lib/diag/source.h"
#include "lib/json/json.h"

namespace deps {
namespace json {

// The first error of a text that Scanner refuses: json-syntax,
// json-duplicate-key or json-depth, with its place. Made by another parser,
// which takes its time.
absl::Status Explain(const Source& source, const ParseLimits& limits);

}  // namespace json
}  // namespace deps

#endif  // DEPS_LIB_JSON_EXPLAIN_H_
