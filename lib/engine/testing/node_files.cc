#include "lib/engine/testing/node_files.h"

#include <cstdlib>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/status/statusor.h"
#include "lib/diag/source.h"
#include "lib/io/file.h"

namespace deps {

std::optional<std::string> ContentOf(const std::string& path) {
  absl::StatusOr<Source> source = ReadFile(path);
  if (!source.ok()) return std::nullopt;
  return std::move(source->text);
}

void Put(const std::string& path, std::string_view content, int mode) {
  std::error_code error;
  std::filesystem::create_directories(std::filesystem::path(path).parent_path(), error);
  if (!WriteFile(path, content, mode).ok()) std::abort();
}

}  // namespace deps
