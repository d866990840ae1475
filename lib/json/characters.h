// What bytes are in a JSON string.
#ifndef DEPS_LIB_JSON_CHARACTERS_H_
#define DEPS_LIB_JSON_CHARACTERS_H_

#include <cstddef>
#include <string_view>

namespace deps {
namespace json {

// The first byte from `at` on that needs a look: a quote, a backslash, a control
// character or part of a character beyond ASCII; or `end`. Eight bytes a step.
const char* PlainEnd(const char* at, const char* end);

// Whether no byte needs a look.
bool IsPlain(std::string_view text);

}  // namespace json
}  // namespace deps

#endif  // DEPS_LIB_JSON_CHARACTERS_H_
