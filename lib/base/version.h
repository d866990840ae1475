#ifndef DEPS_LIB_BASE_VERSION_H_
#define DEPS_LIB_BASE_VERSION_H_

#include <string_view>

namespace deps {

// The version of all commands, as `--version` prints it. Semantic versioning;
// CHANGELOG.md tells what changed.
inline constexpr std::string_view kVersion = "0.1.0";

}  // namespace deps

#endif  // DEPS_LIB_BASE_VERSION_H_
