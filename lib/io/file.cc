#include "lib/io/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <optional>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "lib/base/status_macros.h"
#include "lib/diag/diagnostic.h"
#include "lib/io/write_all.h"

namespace deps {
namespace {

constexpr size_t kChunk = size_t{64} << 10;

absl::Status FileError(DiagnosticId id, const std::string& path, std::string_view doing,
                       int error) {
  return MakeError({.id = id,
                    .message = absl::StrCat(doing, ": ", std::strerror(error)),
                    .location = {.file = path}});
}

absl::Status WriteError(const std::string& path, int error) {
  return FileError(DiagnosticId::kFileWrite, path, "cannot be written", error);
}

// What `content` gives, to a file that is open. `path` is as the user named it.
absl::Status WriteTo(int fd, const std::string& path, TextSource content) {
  int error = 0;
  const absl::Status status = content([&](std::string_view piece) {
    if (error == 0) error = WriteAll(fd, piece);
  });
  DEPS_RETURN_IF_ERROR(status);
  return error == 0 ? absl::OkStatus() : WriteError(path, error);
}

absl::Status WriteDirectly(const std::string& path, TextSource content, int mode) {
  const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
  if (fd < 0) return WriteError(path, errno);
  const absl::Status status = WriteTo(fd, path, content);
  const int error = close(fd) == 0 ? 0 : errno;
  DEPS_RETURN_IF_ERROR(status);
  return error == 0 ? absl::OkStatus() : WriteError(path, error);
}

// The file that a chain of symbolic links ends in, so that replacing it keeps
// the links; nothing where it ends in no file.
std::optional<std::string> LinkTarget(const std::string& path) {
  const std::unique_ptr<char, decltype(&std::free)> resolved(realpath(path.c_str(), nullptr),
                                                             &std::free);
  if (resolved == nullptr) return std::nullopt;
  return std::string(resolved.get());
}

// The folder of `path` with its slash; "" for the current one.
std::string FolderPrefix(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == std::string::npos ? "" : path.substr(0, slash + 1);
}

// A new file beside `path`, opened for writing; -1 and errno where there is none.
int CreateBeside(const std::string& path, int mode, std::string* name) {
  for (int i = 0; i < 1000; ++i) {
    *name = absl::StrCat(FolderPrefix(path), ".cnab-deps-", getpid(), "-", i, ".tmp");
    const int fd = open(name->c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (fd >= 0 || errno != EEXIST) return fd;
  }
  return -1;
}

// `kept_mode` is that of the file that is replaced.
absl::Status Replace(const std::string& named, const std::string& path, TextSource content,
                     int mode, std::optional<mode_t> kept_mode) {
  std::string temporary;
  const int fd = CreateBeside(path, mode, &temporary);
  if (fd < 0) return WriteError(named, errno);
  const absl::Status status = WriteTo(fd, named, content);
  int error = 0;
  // A file that must be private becomes so; any other keeps what it had.
  if (kept_mode.has_value() && (mode & 077) != 0 && fchmod(fd, *kept_mode) != 0) error = errno;
  if (status.ok() && error == 0 && fsync(fd) != 0) error = errno;
  if (close(fd) != 0 && error == 0) error = errno;
  if (status.ok() && error == 0 && rename(temporary.c_str(), path.c_str()) != 0) error = errno;
  if (status.ok() && error == 0) return absl::OkStatus();
  unlink(temporary.c_str());
  return status.ok() ? WriteError(named, error) : status;
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
  if (fd < 0) return FileError(DiagnosticId::kFileRead, path, "cannot be read", errno);
  const absl::Cleanup close_file = [fd] { close(fd); };
  std::string chunk(kChunk, '\0');
  size_t room = max_bytes;
  while (true) {
    const ssize_t got = read(fd, chunk.data(), chunk.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return FileError(DiagnosticId::kFileRead, path, "cannot be read", errno);
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

absl::Status WriteFile(const std::string& path, std::string_view content, int mode) {
  return WriteFileInPieces(
      path,
      [&](TextSink sink) {
        sink(content);
        return absl::OkStatus();
      },
      mode);
}

absl::Status WriteFileInPieces(const std::string& path, TextSource content, int mode) {
  struct stat info = {};
  if (lstat(path.c_str(), &info) != 0) return Replace(path, path, content, mode, std::nullopt);
  std::string target = path;
  if (S_ISLNK(info.st_mode)) {
    const std::optional<std::string> resolved = LinkTarget(path);
    if (!resolved.has_value() || stat(path.c_str(), &info) != 0) {
      return WriteDirectly(path, content, mode);
    }
    target = *resolved;
  }
  if (!S_ISREG(info.st_mode)) return WriteDirectly(path, content, mode);
  return Replace(path, target, content, mode, info.st_mode & 07777);
}

}  // namespace deps
