// Files of a node. Private to this package.
#ifndef DEPS_LIB_ENGINE_TESTING_NODE_FILES_H_
#define DEPS_LIB_ENGINE_TESTING_NODE_FILES_H_

#include <optional>
#include <string>
#include <string_view>

namespace deps {

std::optional<std::string> ContentOf(const std::string& path);
// Makes its folders too; aborts where that fails.
void Put(const std::string& path, std::string_view content, int mode = 0644);

}  // namespace deps

#endif  // DEPS_LIB_ENGINE_TESTING_NODE_FILES_H_
