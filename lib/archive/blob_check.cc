#include "lib/archive/blob_check.h"

#include <libdeflate.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "lib/archive/deferred_checksum.h"
#include "lib/diag/diagnostic.h"

namespace deps {
namespace {

// Those of the bytes from `offset` on that were unread.
std::string_view UnreadOf(const UnreadPart& unread, int64_t offset, std::string_view bytes) {
  const int64_t end = offset + static_cast<int64_t>(bytes.size());
  const int64_t begin = std::clamp(unread.begin, offset, end);
  const int64_t behind = std::clamp(unread.begin + unread.size, begin, end);
  return bytes.substr(static_cast<size_t>(begin - offset), static_cast<size_t>(behind - begin));
}

}  // namespace

absl::Status NotItsDigest(const BlobFile& blob, std::string_view found) {
  return MakeError(
      {.id = DiagnosticId::kArchiveInvalid,
       .message = absl::StrCat("blob ", blob.unread.digest, ": its content is ", found),
       .location = {.file = blob.archive->path()}});
}

BlobCheck::BlobCheck(BlobFile blob) : blob_(std::move(blob)), hash_(blob_.unread.digest) {}

int64_t BlobCheck::Take(int64_t offset, std::string_view bytes) {
  bytes.remove_prefix(static_cast<size_t>(
      std::clamp<int64_t>(taken_ - offset, 0, static_cast<int64_t>(bytes.size()))));
  if (bytes.empty()) return 0;
  hash_.Update(bytes);
  const std::string_view unread = UnreadOf(blob_.unread, taken_, bytes);
  crc_ = libdeflate_crc32(crc_, unread.data(), unread.size());
  taken_ += static_cast<int64_t>(bytes.size());
  if (taken_ == blob_.size) found_ = hash_.Digest();
  return static_cast<int64_t>(unread.size());
}

void BlobCheck::Note() const { blob_.archive->checksum().Note(blob_.unread.part, crc_); }

absl::Status BlobCheck::Verify() const {
  if (found_.empty()) return absl::OkStatus();
  if (found_ != blob_.unread.digest) return NotItsDigest(blob_, found_);
  Note();
  return absl::OkStatus();
}

bool IsUnread(const BlobFile& blob) {
  return blob.unread.size > 0 && !blob.archive->checksum().IsNoted(blob.unread.part);
}

}  // namespace deps
