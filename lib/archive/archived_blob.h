// Reads a blob of an archive that was read, wherever its bytes are.
#ifndef DEPS_LIB_ARCHIVE_ARCHIVED_BLOB_H_
#define DEPS_LIB_ARCHIVE_ARCHIVED_BLOB_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "lib/archive/archive.h"

namespace deps {

class BlobCheck;

class ArchivedBlob {
 public:
  // Errors: file-read.
  static absl::StatusOr<std::unique_ptr<ArchivedBlob>> Open(BlobFile blob);
  ~ArchivedBlob();
  ArchivedBlob(const ArchivedBlob&) = delete;
  ArchivedBlob& operator=(const ArchivedBlob&) = delete;

  // The next bytes from `offset` on: `size`, or as many as there are. To go on where
  // the last call ended costs nothing; to go back costs time where the blob is in
  // its archive.
  //
  // A blob with something unread is verified so: who reads it does not get its last
  // bytes unless its digest is right. To leave something out costs as much as reading
  // it.
  // Errors: file-read, also where the file has changed so that they are not there;
  // archive-invalid, where the digest is wrong.
  absl::StatusOr<size_t> Read(int64_t offset, char* buffer, size_t size);

 private:
  ArchivedBlob(BlobFile blob, int file);
  absl::Status CatchUp(int64_t offset);
  absl::StatusOr<size_t> ReadPiece(int64_t offset, char* buffer, size_t size);
  absl::StatusOr<size_t> ReadFile(int64_t offset, char* buffer, size_t size) const;
  absl::StatusOr<size_t> ReadStored(int64_t offset, char* buffer, size_t size);
  absl::Status EnterBlock(const char* header);
  absl::Status Failed(std::string_view reason) const;

  const BlobFile blob_;
  const int file_;                          // -1 without a path.
  const std::unique_ptr<BlobCheck> check_;  // Null where nothing is unread.
  // A place in what is stored: how far it is into that, where in the archive, and
  // what is left of its block.
  int64_t at_ = 0;
  int64_t in_archive_ = 0;
  int64_t in_block_ = 0;
};

// All of it. Errors: file-not-found, file-read; input-too-large.
absl::StatusOr<std::string> ReadArchivedBlob(const BlobFile& blob, size_t max_bytes);

}  // namespace deps

#endif  // DEPS_LIB_ARCHIVE_ARCHIVED_BLOB_H_
