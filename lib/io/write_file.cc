#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "lib/base/status_macros.h"
#include "lib/diag/diagnostic.h"
#include "lib/io/file.h"
#include "lib/io/write_all.h"

namespace deps {
namespace {

absl::Status WriteError(const std::string& path, int error) {
  return MakeError({.id = DiagnosticId::kFileWrite,
                    .message = absl::StrCat("cannot be written: ", std::strerror(error)),
                    .location = {.file = path}});
}

// The folder of `path` with its slash; "" for the current one.
std::string FolderPrefix(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == std::string::npos ? "" : path.substr(0, slash + 1);
}

// A file that is to take the place of another. Until then it has no name where
// the file system knows such files (O_TMPFILE), so that nothing stays behind
// when the process is killed; else a name beside the other one.
class NewFile {
 public:
  // -1 and errno where none can be made.
  NewFile(const std::string& path, int mode) : folder_(FolderPrefix(path)) {
    // By its entry there a file without a name gets one.
    if (access("/proc/self/fd", X_OK) == 0) {
      file_ = open(folder_.empty() ? "." : folder_.c_str(), O_TMPFILE | O_WRONLY | O_CLOEXEC, mode);
    }
    if (file_ >= 0) return;
    TryNames([&](const char* name) {
      file_ = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
      return file_ >= 0;
    });
  }
  ~NewFile() {
    if (file_ >= 0) close(file_);
    if (!name_.empty()) unlink(name_.c_str());
  }
  NewFile(const NewFile&) = delete;
  NewFile& operator=(const NewFile&) = delete;

  int get() const { return file_; }

  // All that was written is on the disk, and the file is at `path`. 0 or errno.
  int Put(const std::string& path) {
    if (fsync(file_) != 0) return errno;
    const std::string entry = absl::StrCat("/proc/self/fd/", file_);
    const bool has_name = !name_.empty() || TryNames([&](const char* name) {
      return linkat(AT_FDCWD, entry.c_str(), AT_FDCWD, name, AT_SYMLINK_FOLLOW) == 0;
    });
    if (!has_name) return errno;
    if (close(std::exchange(file_, -1)) != 0) return errno;
    if (rename(name_.c_str(), path.c_str()) != 0) return errno;
    name_.clear();
    return 0;
  }

 private:
  // Whether `take` succeeds with a name that nobody has.
  bool TryNames(absl::FunctionRef<bool(const char* name)> take) {
    for (int i = 0; i < 1000; ++i) {
      std::string name = absl::StrCat(folder_, ".cnab-deps-", getpid(), "-", i, ".tmp");
      if (take(name.c_str())) {
        name_ = std::move(name);
        return true;
      }
      if (errno != EEXIST) return false;
    }
    return false;
  }

  const std::string folder_;
  int file_ = -1;
  std::string name_;  // "" where it has none.
};

// What `content` gives, to a file that is open. `path` is as the user named it.
absl::Status WriteTo(int fd, const std::string& path, ByteSource content) {
  return content([&](std::string_view piece) {
    const int error = WriteAll(fd, piece);
    return error == 0 ? absl::OkStatus() : WriteError(path, error);
  });
}

absl::Status WriteDirectly(const std::string& path, ByteSource content, int mode) {
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

// `kept_mode` is that of the file that is replaced.
absl::Status Replace(const std::string& named, const std::string& path, ByteSource content,
                     int mode, std::optional<mode_t> kept_mode) {
  NewFile file(path, mode);
  if (file.get() < 0) return WriteError(named, errno);
  DEPS_RETURN_IF_ERROR(WriteTo(file.get(), named, content));
  // A file that must be private becomes so; any other keeps what it had.
  const bool keeps = kept_mode.has_value() && (mode & 077) != 0;
  if (keeps && fchmod(file.get(), *kept_mode) != 0) return WriteError(named, errno);
  const int error = file.Put(path);
  return error == 0 ? absl::OkStatus() : WriteError(named, error);
}

}  // namespace

absl::Status ReplaceFile(const std::string& path, ByteSource content, int mode) {
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

absl::Status WriteFileInPieces(const std::string& path, TextSource content, int mode) {
  return ReplaceFile(
      path,
      [&](ByteSink sink) {
        absl::Status error;
        const absl::Status status = content([&](std::string_view piece) {
          if (error.ok()) error = sink(piece);
        });
        DEPS_RETURN_IF_ERROR(status);
        return error;
      },
      mode);
}

absl::Status WriteFile(const std::string& path, std::string_view content, int mode) {
  return ReplaceFile(
      path, [&](ByteSink sink) { return sink(content); }, mode);
}

}  // namespace deps
