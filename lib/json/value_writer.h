// Values within a larger text.
#ifndef DEPS_LIB_JSON_VALUE_WRITER_H_
#define DEPS_LIB_JSON_VALUE_WRITER_H_

#include <cstddef>
#include <string>

#include "lib/json/json.h"

namespace deps {
namespace json {

// A newline, and the indentation of what is in `depth` others.
void AppendNewLine(size_t depth, std::string* out);

// As Format writes it, in `depth` others and without the newline at the end.
void AppendValue(const Value& value, Style style, size_t depth, std::string* out);

}  // namespace json
}  // namespace deps

#endif  // DEPS_LIB_JSON_VALUE_WRITER_H_
