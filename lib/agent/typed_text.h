// What a run tool writes is bytes, and a definition says of which JSON type.
#ifndef DEPS_LIB_AGENT_TYPED_TEXT_H_
#define DEPS_LIB_AGENT_TYPED_TEXT_H_

#include <string>
#include <string_view>

#include "lib/json/json.h"

namespace deps {

// Of type "string" or "" the text as a string, else the JSON value that it
// spells, or the text as a string where it spells none.
JsonText AsJson(const std::string& type, std::string_view bytes);

// Whether the bytes spell a value of the JSON Schema type; always for "string" and "".
bool IsOfType(const std::string& type, std::string_view bytes);

// Whether JSON can hold them as a string.
bool IsUtf8(std::string_view bytes);

}  // namespace deps

#endif  // DEPS_LIB_AGENT_TYPED_TEXT_H_
