// Strings as JSON spells them.
#ifndef DEPS_LIB_JSON_STRING_WRITER_H_
#define DEPS_LIB_JSON_STRING_WRITER_H_

#include <string>
#include <string_view>

namespace deps {
namespace json {

enum class Escapes {
  kFewest,  // Only what JSON asks for, as RFC 8785 spells it.
  kGo,      // Also <, >, &, U+2028 and U+2029.
};

// Appends `text` in quotes. What is not UTF-8 becomes U+FFFD, so that the
// result always is.
void AppendString(std::string_view text, Escapes escapes, std::string* out);

}  // namespace json
}  // namespace deps

#endif  // DEPS_LIB_JSON_STRING_WRITER_H_
