// The checksum of a gzip file of which parts are read later, by others.
#ifndef DEPS_LIB_ARCHIVE_DEFERRED_CHECKSUM_H_
#define DEPS_LIB_ARCHIVE_DEFERRED_CHECKSUM_H_

#include <cstdint>
#include <mutex>
#include <optional>
#include <vector>

#include "absl/status/status.h"

namespace deps {

// Checksums of parts make that of the whole (crc32_combine of zlib), whoever reads
// them, and when. First one thread adds the parts in the order of the file, then
// any number of threads may note checksums.
class DeferredChecksum {
 public:
  // Bytes that were read, and their checksum.
  void AddRead(uint32_t crc, int64_t size);
  // Bytes that come later: the number of their part. What is added so without
  // anything in between is one part.
  int AddLater(int64_t size);
  // Ends a member of the file, which has this checksum.
  void EndMember(uint32_t crc);

  // Of a part that AddLater gave. Noting it again changes nothing.
  void Note(int part, uint32_t crc);
  bool IsNoted(int part) const;

  // Errors: archive-invalid; internal, where a part is not noted.
  absl::Status Verify() const;

 private:
  struct Part {
    int64_t size = 0;
    std::optional<uint32_t> crc;
    bool ends_member = false;
    uint32_t expected = 0;  // Where it does.
  };

  mutable std::mutex mutex_;
  std::vector<Part> parts_;
};

}  // namespace deps

#endif  // DEPS_LIB_ARCHIVE_DEFERRED_CHECKSUM_H_
