// Files and folders: whole reads, replacing writes, private temporary folders.
#ifndef DEPS_LIB_IO_FILE_H_
#define DEPS_LIB_IO_FILE_H_

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "lib/diag/source.h"

namespace deps {

inline constexpr size_t kMostInput = size_t{256} << 20;

// Errors: file-not-found, file-read, input-too-large.
absl::StatusOr<Source> ReadFile(const std::string& path, size_t max_bytes = kMostInput);

// Gives `take` the file piece by piece; its error is returned. Errors as ReadFile.
absl::Status ReadFileInPieces(const std::string& path, size_t max_bytes,
                              absl::FunctionRef<absl::Status(std::string_view piece)> take);

// Replaces `path` in one step (temporary file beside it, fsync, rename); after
// an error the old file is as it was. A path that is no regular file (a pipe,
// /dev/full) is written directly. Errors: file-write.
absl::Status WriteFile(const std::string& path, std::string_view content, int mode = 0644);

// Takes a text piece by piece.
using TextSink = absl::FunctionRef<void(std::string_view piece)>;
// Gives a text to its sink; an error ends it.
using TextSource = absl::FunctionRef<absl::Status(TextSink)>;
// As WriteFile. After an error of `content`, which is returned, too, the old file
// is as it was.
absl::Status WriteFileInPieces(const std::string& path, TextSource content, int mode = 0644);

// $TMPDIR, or /tmp.
std::string TemporaryParent();

// A new folder of mode 0700 below TemporaryParent; removed with all it holds
// when the object goes.
class TemporaryFolder {
 public:
  static absl::StatusOr<TemporaryFolder> Create(std::string_view prefix);
  TemporaryFolder(TemporaryFolder&& other) noexcept;
  TemporaryFolder& operator=(TemporaryFolder&& other) noexcept;
  ~TemporaryFolder();
  const std::string& path() const { return path_; }

 private:
  explicit TemporaryFolder(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

}  // namespace deps

#endif  // DEPS_LIB_IO_FILE_H_
