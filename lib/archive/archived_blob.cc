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

#include "absl/strings/str_cat.h"
#include "lib/base/status_macros.h"
#include "lib/diag/diagnostic.h"
#include "lib/diag/source.h"
#include "lib/io/file.h"

namespace deps {
namespace {

// Of a stored block that begins at a byte: a byte with its kind, its length, and
// the complement of that.
constexpr size_t kHeader = 5;
constexpr char kChanged[] = "the file has changed since it was read";

}  // namespace

SharedFile::~SharedFile() { close(file_); }

ArchivedBlob::ArchivedBlob(BlobFile blob, std::shared_ptr<const SharedFile> file)
    : blob_(std::move(blob)),
      file_(std::move(file)),
      in_archive_(blob_.stored.offset),
      in_block_(blob_.stored.in_block) {}

absl::StatusOr<std::unique_ptr<ArchivedBlob>> ArchivedBlob::Open(BlobFile blob) {
  std::shared_ptr<const SharedFile> file;
  if (!blob.path.empty()) {
    const int opened = open(blob.path.c_str(), O_RDONLY | O_CLOEXEC);
    if (opened < 0) {
      return MakeError({.id = DiagnosticId::kFileRead,
                        .message = absl::StrCat("cannot read: ", std::strerror(errno)),
                        .location = {.file = blob.path}});
    }
    file = std::make_shared<const SharedFile>(opened);
  }
  return std::unique_ptr<ArchivedBlob>(new ArchivedBlob(std::move(blob), std::move(file)));
}

absl::Status ArchivedBlob::Failed(std::string_view reason) const {
  return MakeError({.id = DiagnosticId::kFileRead,
                    .message = std::string(reason),
                    .location = {.file = blob_.path.empty() ? "the archive" : blob_.path}});
}

absl::StatusOr<size_t> ArchivedBlob::Read(int64_t offset, char* buffer, size_t size) {
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
    got = pread(file_->get(), buffer, size, offset);
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
  for (size_t at = 0; at < text.size();) {
    DEPS_ASSIGN_OR_RETURN(const size_t got, reader->Read(static_cast<int64_t>(at), text.data() + at,
                                                         text.size() - at));
    at += got;
  }
  return text;
}

}  // namespace deps
