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

// Replaces `path` in one step (a new file in the same folder, fsync, rename); after
// an error the old file is as it was. Where the process is killed nothing stays
// behind, if the file system knows files without a name (all of Linux's own do). A
// path that is no regular file (a pipe, /dev/full) is written directly. Errors:
// file-write.
absl::Status WriteFile(const std::string& path, std::string_view content, int mode = 0644);

// Takes bytes piece by piece; its error is to be returned at once.
using ByteSink = absl::FunctionRef<absl::Status(std::string_view piece)>;
// Gives bytes to its sink; an error ends it.
using ByteSource = absl::FunctionRef<absl::Status(ByteSink)>;
// As WriteFile. After an error of `content`, which is returned, too, the old file is
// as it was.
absl::Status ReplaceFile(const std::string& path, ByteSource content, int mode = 0644);

// Takes a text piece by piece.
using TextSink = absl::FunctionRef<void(std::string_view piece)>;
// Gives a text to its sink; an error ends it.
using TextSource = absl::FunctionRef<absl::Status(TextSink)>;
// As WriteFile. After an error of `content`, which is returned, too, the old file
// is as it was.
absl::Status WriteFileInPieces(const std::string& path, TextSource content, int mode = 0644);

// $TMPDIR, or /tmp.
std::string TemporaryParent();
// The hint of errors where it is full.
inline constexpr char kMoreRoom[] = "blobs are kept in TMPDIR meanwhile; it may need more room";

// A new folder of mode 0700 below TemporaryParent, "cnab-deps.PURPOSE-XXXXXX";
// removed with all it holds when the object goes. What a process that was killed
// has left of such folders, of any purpose, the next one removes: each is locked
// (flock) as long as it is used.
class TemporaryFolder {
 public:
  // Errors: file-write.
  static absl::StatusOr<TemporaryFolder> Create(std::string_view purpose);
  TemporaryFolder(TemporaryFolder&& other) noexcept;
  TemporaryFolder& operator=(TemporaryFolder&& other) noexcept;
  ~TemporaryFolder();
  const std::string& path() const { return path_; }

 private:
  TemporaryFolder(std::string path, int lock) : path_(std::move(path)), lock_(lock) {}
  void Remove();
  std::string path_;  // "" once it was moved away.
  int lock_;          // The folder itself, open.
};

}  // namespace deps

#endif  // DEPS_LIB_IO_FILE_H_
