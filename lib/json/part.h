// Large documents, read a part at a time.
#ifndef DEPS_LIB_JSON_PART_H_
#define DEPS_LIB_JSON_PART_H_

#include "lib/diag/source.h"
#include "lib/json/json.h"

namespace deps {
namespace json {

// The whole of a value that ParseOutline may have left empty, made of `source`
// again. Time: O(size of the value).
Value WholeOf(const Source& source, const Value& outline);

}  // namespace json
}  // namespace deps

#endif  // DEPS_LIB_JSON_PART_H_
