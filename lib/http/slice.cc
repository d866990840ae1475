#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "lib/diag/diagnostic.h"
#include "lib/http/http.h"

namespace deps::http {
namespace {

class LazyFile {
 public:
  explicit LazyFile(std::string path) : path_(std::move(path)) {}
  ~LazyFile() {
    if (file_ >= 0) close(file_);
  }
  LazyFile(const LazyFile&) = delete;
  LazyFile& operator=(const LazyFile&) = delete;

  absl::StatusOr<size_t> Read(int64_t offset, char* buffer, size_t size) {
    if (file_ < 0) file_ = open(path_.c_str(), O_RDONLY | O_CLOEXEC);
    if (file_ < 0) return Failed(absl::StrCat("cannot read: ", std::strerror(errno)));
    ssize_t got;
    do {
      got = pread(file_, buffer, size, offset);
    } while (got < 0 && errno == EINTR);
    if (got > 0) return static_cast<size_t>(got);
    return Failed(got == 0 ? "the file is shorter than expected"
                           : absl::StrCat("cannot read: ", std::strerror(errno)));
  }

 private:
  absl::Status Failed(std::string reason) const {
    return MakeError(
        {.id = DiagnosticId::kFileRead, .message = std::move(reason), .location = {.file = path_}});
  }

  const std::string path_;
  int file_ = -1;
};

}  // namespace

Slice SliceOfFile(std::string path, int64_t offset, int64_t size) {
  const auto file = std::make_shared<LazyFile>(std::move(path));
  return {.read = [file](int64_t at, char* buffer,
                         size_t count) { return file->Read(at, buffer, count); },
          .offset = offset,
          .size = size};
}

}  // namespace deps::http
