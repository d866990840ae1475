#include "lib/io/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>
#include <string_view>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "lib/base/status_macros.h"
#include "lib/diag/diagnostic.h"

namespace deps {
namespace {

constexpr size_t kChunk = size_t{64} << 10;

absl::Status ReadError(const std::string& path, int error) {
  return MakeError({.id = DiagnosticId::kFileRead,
                    .message = absl::StrCat("cannot be read: ", std::strerror(error)),
                    .location = {.file = path}});
}

}  // namespace

absl::StatusOr<Source> ReadFile(const std::string& path, size_t max_bytes) {
  Source source = {.name = path};
  struct stat info = {};
  if (stat(path.c_str(), &info) == 0 && S_ISREG(info.st_mode)) {
    source.text.reserve(std::min(static_cast<size_t>(info.st_size), max_bytes) + 1);
  }
  DEPS_RETURN_IF_ERROR(ReadFileInPieces(path, max_bytes, [&](std::string_view piece) {
    source.text.append(piece);
    return absl::OkStatus();
  }));
  return source;
}

absl::Status ReadFileInPieces(const std::string& path, size_t max_bytes,
                              absl::FunctionRef<absl::Status(std::string_view piece)> take) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY);
  if (fd < 0 && errno == ENOENT) {
    return MakeError({.id = DiagnosticId::kFileNotFound,
                      .message = "there is no such file",
                      .location = {.file = path}});
  }
  if (fd < 0) return ReadError(path, errno);
  const absl::Cleanup close_file = [fd] { close(fd); };
  std::string chunk(kChunk, '\0');
  size_t room = max_bytes;
  while (true) {
    const ssize_t got = read(fd, chunk.data(), chunk.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return ReadError(path, errno);
    if (got == 0) return absl::OkStatus();
    if (static_cast<size_t>(got) > room) {
      return MakeError({.id = DiagnosticId::kInputTooLarge,
                        .message = absl::StrCat("is larger than ", max_bytes, " bytes"),
                        .location = {.file = path}});
    }
    room -= static_cast<size_t>(got);
    DEPS_RETURN_IF_ERROR(take(std::string_view(chunk).substr(0, static_cast<size_t>(got))));
  }
}

}  // namespace deps
