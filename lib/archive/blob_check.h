// What a blob turns out to be while it is read for the first time.
#ifndef DEPS_LIB_ARCHIVE_BLOB_CHECK_H_
#define DEPS_LIB_ARCHIVE_BLOB_CHECK_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "lib/archive/archive.h"
#include "lib/digest/digest_hasher.h"

namespace deps {

class BlobCheck {
 public:
  // Of a blob with something unread.
  explicit BlobCheck(BlobFile blob);

  // Bytes from `offset` on, up to taken() at most; what was taken before is left.
  // How many of them were unread.
  int64_t Take(int64_t offset, std::string_view bytes);
  // How much of the blob has come.
  int64_t taken() const { return taken_; }

  // The digest of the content once all of it has come; "" before.
  const std::string& found() const { return found_; }
  // Notes what was unread in the archive's checksum, when all has come.
  void Note() const;
  // Does so where found() is the digest it should be, and nothing where it is "".
  // Errors: archive-invalid, where it is another one.
  absl::Status Verify() const;

 private:
  const BlobFile blob_;
  DigestHasher hash_;
  int64_t taken_ = 0;
  uint32_t crc_ = 0;  // Of what was unread.
  std::string found_;
};

// Whether something of it is unread, and nobody has noted it since.
bool IsUnread(const BlobFile& blob);

// The error archive-invalid of a blob with something unread.
absl::Status NotItsDigest(const BlobFile& blob, std::string_view found);

}  // namespace deps

#endif  // DEPS_LIB_ARCHIVE_BLOB_CHECK_H_
