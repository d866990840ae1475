#include "lib/archive/archived_blob.h"

#include <fcntl.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "lib/archive/blob_check.h"
#include "lib/archive/deferred_checksum.h"
#include "lib/base/status_macros.h"
#include "lib/diag/diagnostic.h"
#include "lib/diag/source.h"
#include "lib/io/file.h"

namespace deps {
namespace {

// Of a stored block that begins at a byte: a byte with its kind, its length, and
// the complement of that.
constexpr size_t kHeader = 5;
constexpr size_t kBuffer = size_t{128} << 10;
constexpr char kChanged[] = "the file has changed since it was read";

}  // namespace

ArchiveFile::ArchiveFile(std::string path, int file, std::shared_ptr<DeferredChecksum> checksum)
    : path_(std::move(path)), file_(file), checksum_(std::move(checksum)) {}

ArchiveFile::~ArchiveFile() { close(file_); }

ArchivedBlob::ArchivedBlob(BlobFile blob, int file)
    : blob_(std::move(blob)),
      file_(file),
      check_(IsUnread(blob_) ? std::make_unique<BlobCheck>(blob_) : nullptr),
      in_archive_(blob_.stored.offset),
      in_block_(blob_.stored.in_block) {}

ArchivedBlob::~ArchivedBlob() {
  if (file_ >= 0) close(file_);
}

absl::StatusOr<std::unique_ptr<ArchivedBlob>> ArchivedBlob::Open(BlobFile blob) {
  const int file = blob.path.empty() ? -1 : open(blob.path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0 && !blob.path.empty()) {
    return MakeError({.id = DiagnosticId::kFileRead,
                      .message = absl::StrCat("cannot read: ", std::strerror(errno)),
                      .location = {.file = blob.path}});
  }
  return std::unique_ptr<ArchivedBlob>(new ArchivedBlob(std::move(blob), file));
}

absl::Status ArchivedBlob::Failed(std::string_view reason) const {
  const bool is_archive = blob_.archive != nullptr;
  return MakeError({.id = DiagnosticId::kFileRead,
                    .message = std::string(reason),
                    .location = {.file = is_archive ? blob_.archive->path() : blob_.path}});
}

// Piece by piece, each hashed while it is in the cache.
absl::StatusOr<size_t> ArchivedBlob::Read(int64_t offset, char* buffer, size_t size) {
  if (check_ != nullptr) DEPS_RETURN_IF_ERROR(CatchUp(offset));
  size_t used = 0;
  while (used < size) {
    const int64_t at = offset + static_cast<int64_t>(used);
    DEPS_ASSIGN_OR_RETURN(const size_t got, ReadPiece(at, buffer + used, size - used));
    if (got == 0) break;
    if (check_ != nullptr) check_->Take(at, std::string_view(buffer + used, got));
    used += got;
  }
  if (check_ != nullptr) DEPS_RETURN_IF_ERROR(check_->Verify());
  return used;
}

// What a reader leaves out is verified with the rest.
absl::Status ArchivedBlob::CatchUp(int64_t offset) {
  if (check_->taken() >= offset) return absl::OkStatus();
  std::vector<char> buffer(kBuffer);
  while (check_->taken() < offset) {
    const int64_t at = check_->taken();
    DEPS_ASSIGN_OR_RETURN(
        const size_t got,
        ReadPiece(at, buffer.data(), static_cast<size_t>(std::min<int64_t>(kBuffer, offset - at))));
    if (got == 0) break;
    check_->Take(at, std::string_view(buffer.data(), got));
  }
  return absl::OkStatus();
}

absl::StatusOr<size_t> ArchivedBlob::ReadPiece(int64_t offset, char* buffer, size_t size) {
  const int64_t behind = blob_.before + blob_.stored.size;
  const auto most = [&](int64_t end) {
    return static_cast<size_t>(std::min(static_cast<int64_t>(size), end - offset));
  };
  if (offset >= blob_.size) return 0;
  if (blob_.stored.size == 0) return ReadFile(offset, buffer, most(blob_.size));
  if (offset < blob_.before) return ReadFile(offset, buffer, most(blob_.before));
  if (offset < behind) return ReadStored(offset - blob_.before, buffer, most(behind));
  return ReadFile(offset - blob_.stored.size, buffer, most(blob_.size));
}

absl::StatusOr<size_t> ArchivedBlob::ReadFile(int64_t offset, char* buffer, size_t size) const {
  ssize_t got;
  do {
    got = pread(file_, buffer, size, offset);
  } while (got < 0 && errno == EINTR);
  if (got < 0) return Failed(absl::StrCat("cannot read: ", std::strerror(errno)));
  if (got == 0) return Failed("the file is shorter than expected");
  return static_cast<size_t>(got);
}

absl::Status ArchivedBlob::EnterBlock(const char* header) {
  const auto byte = [header](size_t i) { return static_cast<unsigned char>(header[i]); };
  const unsigned size = byte(1) | byte(2) << 8;
  const unsigned complement = byte(3) | byte(4) << 8;
  if ((byte(0) & 6) != 0 || (size ^ complement) != 0xffff) return Failed(kChanged);
  in_block_ = size;
  in_archive_ += static_cast<int64_t>(kHeader);
  return absl::OkStatus();
}

// One block at most, and with it the header of the next one.
absl::StatusOr<size_t> ArchivedBlob::ReadStored(int64_t offset, char* buffer, size_t size) {
  if (offset < at_) {
    at_ = 0;
    in_archive_ = blob_.stored.offset;
    in_block_ = blob_.stored.in_block;
  }
  char header[kHeader];
  while (true) {
    const int64_t skipped = std::min(offset - at_, in_block_);
    at_ += skipped;
    in_archive_ += skipped;
    in_block_ -= skipped;
    const auto count =
        static_cast<size_t>(at_ < offset ? 0 : std::min(static_cast<int64_t>(size), in_block_));
    const bool ends =
        static_cast<int64_t>(count) == in_block_ && at_ + in_block_ < blob_.stored.size;
    const iovec parts[] = {{buffer, count}, {header, ends ? kHeader : 0}};
    ssize_t got;
    do {
      got = preadv(blob_.archive->get(), parts, 2, in_archive_);
    } while (got < 0 && errno == EINTR);
    if (got < 0) return Failed(absl::StrCat("cannot read: ", std::strerror(errno)));
    if (static_cast<size_t>(got) < count + parts[1].iov_len) return Failed(kChanged);
    at_ += static_cast<int64_t>(count);
    in_archive_ += static_cast<int64_t>(count);
    in_block_ -= static_cast<int64_t>(count);
    if (ends) DEPS_RETURN_IF_ERROR(EnterBlock(header));
    if (count > 0) return count;
  }
}

absl::StatusOr<std::string> ReadArchivedBlob(const BlobFile& blob, size_t max_bytes) {
  if (blob.stored.size == 0) {
    DEPS_ASSIGN_OR_RETURN(Source source, deps::ReadFile(blob.path, max_bytes));
    return std::move(source.text);
  }
  if (blob.size > static_cast<int64_t>(max_bytes)) {
    return MakeError({.id = DiagnosticId::kInputTooLarge,
                      .message = absl::StrCat("is larger than ", max_bytes, " bytes"),
                      .location = {.file = blob.path}});
  }
  DEPS_ASSIGN_OR_RETURN(const std::unique_ptr<ArchivedBlob> reader, ArchivedBlob::Open(blob));
  std::string text(static_cast<size_t>(blob.size), '\0');
  DEPS_RETURN_IF_ERROR(reader->Read(0, text.data(), text.size()).status());
  return text;
}

}  // namespace deps
