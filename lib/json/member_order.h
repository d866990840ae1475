// The order of an object's members in canonical text.
#ifndef DEPS_LIB_JSON_MEMBER_ORDER_H_
#define DEPS_LIB_JSON_MEMBER_ORDER_H_

#include <string_view>

namespace deps {
namespace json {

// By UTF-16 code units, of texts in UTF-8.
bool LessInUtf16(std::string_view a, std::string_view b);

}  // namespace json
}  // namespace deps

#endif  // DEPS_LIB_JSON_MEMBER_ORDER_H_
