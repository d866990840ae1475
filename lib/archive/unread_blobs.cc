#include "lib/archive/unread_blobs.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "lib/archive/archived_blob.h"
#include "lib/archive/blob_check.h"
#include "lib/archive/deferred_checksum.h"
#include "lib/base/parallel.h"
#include "lib/base/status_macros.h"
#include "lib/diag/diagnostic.h"

namespace deps {
namespace {

// Stays in the cache between reading and hashing.
constexpr size_t kBuffer = size_t{128} << 10;

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
    on_read(check.Take(at, std::string_view(buffer.data(), count)));
    at += static_cast<int64_t>(count);
    if (stop != nullptr && *stop != 0) {
      return MakeError({.id = DiagnosticId::kInterrupted, .message = "a signal ended it"});
    }
  }
  check.Note();
  return check.found();
}

}  // namespace

absl::Status HashUnread(const std::map<std::string, BlobFile>& blobs, const std::atomic<int>* stop,
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
  DEPS_RETURN_IF_ERROR(HashUnread(blobs, stop, on_read, &found));
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
