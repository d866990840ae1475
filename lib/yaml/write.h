// Values as YAML for people to read and change.
#ifndef DEPS_LIB_YAML_WRITE_H_
#define DEPS_LIB_YAML_WRITE_H_

#include <string>

#include "lib/json/json.h"

namespace deps::yaml {

// In block style, members in their order. A text that a reader of YAML 1.1 or
// 1.2 might take for anything else is quoted; one of several lines is a literal
// block where it can be.
std::string Format(const json::Value& value);

}  // namespace deps::yaml

#endif  // DEPS_LIB_YAML_WRITE_H_
