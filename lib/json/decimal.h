// Numbers from JSON's spelling and back.
#ifndef DEPS_LIB_JSON_DECIMAL_H_
#define DEPS_LIB_JSON_DECIMAL_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace deps {
namespace json {

// The integer that `spelling`, a JSON number, stands for: 3000000000, 3e9 and
// 3.0 are integers, 1.9 is none, nor is what lies beyond +-(2^53 - 1).
std::optional<int64_t> IntegerOf(std::string_view spelling);

// The double nearest to `spelling`, as ECMAScript writes it (RFC 8785, 3.2.2.3).
std::string EcmaScriptNumber(std::string_view spelling);

}  // namespace json
}  // namespace deps

#endif  // DEPS_LIB_JSON_DECIMAL_H_
