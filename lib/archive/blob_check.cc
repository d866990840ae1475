#include "lib/archive/blob_check.h"

#include <libdeflate.h>

#include <algorithm>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "lib/archive/archived_blob.h"
#include "lib/archive/deferred_checksum.h"
#include "lib/base/parallel.h"
#include "lib/base/status_macros.h"
#include "lib/diag/diagnostic.h"

namespace deps {
namespace {

// Stays in the cache between reading and hashing.
constexpr size_t kBuffer = size_t{128} << 10;

// Those of the bytes from `offset` on that were unread.
std::string_view UnreadOf(const UnreadPart& unread, int64_t offset, std::string_view bytes) {
  const int64_t end = offset + static_cast<int64_t>(bytes.size());
  const int64_t begin = std::clamp(unread.begin, offset, end);
  const int64_t behind = std::clamp(unread.begin + unread.size, begin, end);
  return bytes.substr(static_cast<size_t>(begin - offset), static_cast<size_t>(behind - begin));
}

absl::Status NotItsDigest(const BlobFile& blob, std::string_view found) {
  return MakeError(
      {.id = DiagnosticId::kArchiveInvalid,
       .message = absl::StrCat("blob ", blob.unread.digest, ": its content is ", found),
       .location = {.file = blob.archive->path()}});
}

}  // namespace

BlobCheck::BlobCheck(BlobFile blob) : blob_(std::move(blob)), hash_(blob_.unread.digest) {}

void BlobCheck::Take(int64_t offset, std::string_view bytes) {
  bytes.remove_prefix(static_cast<size_t>(
      std::clamp<int64_t>(taken_ - offset, 0, static_cast<int64_t>(bytes.size()))));
  if (bytes.empty()) return;
  hash_.Update(bytes);
  const std::string_view unread = UnreadOf(blob_.unread, taken_, bytes);
  crc_ = libdeflate_crc32(crc_, unread.data(), unread.size());
  taken_ += static_cast<int64_t>(bytes.size());
  if (taken_ == blob_.size) found_ = hash_.Digest();
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

namespace {

absl::StatusOr<std::string> DigestOf(const BlobFile& blob, const std::atomic<int>* stop,
                                     const std::function<void(int64_t bytes)>& on_read) {
  BlobCheck check(blob);
  BlobFile as_it_is = blob;
  as_it_is.unread = {};
  DEPS_ASSIGN_OR_RETURN(const std::unique_ptr<ArchivedBlob> content,
                        ArchivedBlob::Open(std::move(as_it_is)));
  std::vector<char> buffer(kBuffer);
  for (int64_t at = 0; at < blob.size;) {
    DEPS_ASSIGN_OR_RETURN(const size_t count, content->Read(at, buffer.data(), buffer.size()));
    const std::string_view bytes(buffer.data(), count);
    check.Take(at, bytes);
    on_read(static_cast<int64_t>(UnreadOf(blob.unread, at, bytes).size()));
    at += static_cast<int64_t>(count);
    if (stop != nullptr && *stop != 0) {
      return MakeError({.id = DiagnosticId::kInterrupted, .message = "a signal ended it"});
    }
  }
  check.Note();
  return check.found();
}

}  // namespace

absl::Status CheckBlobs(const std::map<std::string, BlobFile>& blobs, const std::atomic<int>* stop,
                        const std::function<void(int64_t bytes)>& on_read,
                        std::map<std::string, std::string>* found) {
  std::mutex mutex;
  const auto tell = [&](int64_t bytes) {
    const std::lock_guard<std::mutex> lock(mutex);
    if (on_read) on_read(bytes);
  };
  std::vector<std::function<absl::Status()>> steps;
  for (const auto& entry : blobs) {
    if (!IsUnread(entry.second)) continue;
    steps.push_back([&, blob = &entry.second]() -> absl::Status {
      DEPS_ASSIGN_OR_RETURN(std::string digest, DigestOf(*blob, stop, tell));
      const std::lock_guard<std::mutex> lock(mutex);
      (*found)[blob->unread.digest] = std::move(digest);
      return absl::OkStatus();
    });
  }
  return RunSteps(steps, Processors());
}

int64_t BytesUnread(const std::map<std::string, BlobFile>& blobs) {
  int64_t bytes = 0;
  for (const auto& [digest, blob] : blobs) bytes += IsUnread(blob) ? blob.unread.size : 0;
  return bytes;
}

absl::Status VerifyUnread(const std::map<std::string, BlobFile>& blobs,
                          const std::atomic<int>* stop,
                          const std::function<void(int64_t bytes)>& on_read) {
  std::map<std::string, std::string> found;
  DEPS_RETURN_IF_ERROR(CheckBlobs(blobs, stop, on_read, &found));
  const ArchiveFile* archive = nullptr;
  for (const auto& [digest, blob] : blobs) {
    if (blob.unread.size > 0) archive = blob.archive.get();
    const auto content = found.find(digest);
    if (content == found.end() || content->second == digest) continue;
    return NotItsDigest(blob, content->second);
  }
  if (archive == nullptr) return absl::OkStatus();
  return WithFile(archive->checksum().Verify(), archive->path());
}

}  // namespace deps
