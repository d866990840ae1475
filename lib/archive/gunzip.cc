#include "lib/archive/gunzip.h"

#include <fcntl.h>
#include <libdeflate.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "lib/archive/deferred_checksum.h"
#include "lib/base/status_macros.h"
#include "lib/diag/diagnostic.h"

namespace deps {
namespace {

constexpr size_t kBuffer = size_t{256} << 10;
// Of zlib: the largest window, with a gzip header or with none.
constexpr int kGzip = 15 + 16;
constexpr int kRaw = -15;
constexpr size_t kWindow = size_t{32} << 10;
// What zlib says of its place in the data, in data_type.
constexpr int kUnusedBits = 7;
constexpr int kInLastBlock = 64;
constexpr int kAtBoundary = 128;
// Of a block: a bit whether it is the last, two for its kind; then, where it is
// stored, its length and the complement of that in whole bytes.
constexpr int kHeaderBits = 3;
constexpr size_t kLengths = 4;
constexpr size_t kTrailer = 8;
// Smaller stored blocks are left to zlib, unless it had to be told of others before
// them all the same.
constexpr uint32_t kWorthTaking = 4096;
// Bytes before the input: the last one of the input before.
constexpr size_t kBefore = 1;
// In the place of what is passed over: the largest stored block.
constexpr std::array<char, 0xffff> kZeros = {};

uint32_t Number(const unsigned char* bytes, int count) {
  uint32_t number = 0;
  for (int i = 0; i < count; ++i) number |= static_cast<uint32_t>(bytes[i]) << (8 * i);
  return number;
}

constexpr char kTooShort[] = "the compressed data ends too early";

absl::Status Invalid(std::string message) {
  return MakeError({.id = DiagnosticId::kArchiveInvalid, .message = std::move(message)});
}

absl::Status TooLarge(int64_t most) {
  const bool round = most % (int64_t{1} << 30) == 0;
  return MakeError({.id = DiagnosticId::kArchiveInvalid,
                    .message = absl::StrCat("it holds more than ", round ? most >> 30 : most,
                                            round ? " GiB" : " bytes"),
                    .hint = "oci-relocate takes --max-archive-size"});
}

// What people mistake for such an archive.
std::string WhatElse(std::string_view bytes) {
  const std::string_view found = bytes.substr(0, 4) == "\x28\xb5\x2f\xfd"
                                     ? "compressed with zstd, not gzip"
                                 : bytes.substr(0, 6) == std::string_view(
                                                             "\xfd"
                                                             "7zXZ\0",
                                                             6)
                                     ? "compressed with xz, not gzip"
                                 : bytes.size() > 262 && bytes.substr(257, 5) == "ustar"
                                     ? "a tar file without compression; gzip makes it one to read"
                                     : "not compressed with gzip";
  return absl::StrCat("the file is ", found);
}

}  // namespace

Gunzip::Gunzip(std::string path, int file, int64_t max_bytes)
    : path_(std::move(path)),
      file_(file),
      max_bytes_(max_bytes),
      in_(kBefore + kBuffer),
      out_(kBuffer) {
  stream_.next_in = in_.data() + kBefore;
}

Gunzip::~Gunzip() {
  inflateEnd(&stream_);
  close(file_);
}

absl::StatusOr<std::unique_ptr<Gunzip>> Gunzip::Open(const std::string& path, int64_t max_bytes) {
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) {
    const int error = errno;
    return MakeError({.id = error == ENOENT ? DiagnosticId::kFileNotFound : DiagnosticId::kFileRead,
                      .message = std::strerror(error),
                      .location = {.file = path}});
  }
  std::unique_ptr<Gunzip> gunzip(new Gunzip(path, file, max_bytes));
  struct stat info = {};
  if (fstat(file, &info) == 0 && S_ISREG(info.st_mode)) gunzip->size_ = info.st_size;
  if (inflateInit2(&gunzip->stream_, kGzip) != Z_OK) {
    return MakeError({.id = DiagnosticId::kInternal, .message = "cannot set up zlib"});
  }
  DEPS_ASSIGN_OR_RETURN(const bool has_magic, gunzip->Fill(2));
  const unsigned char* const in = gunzip->stream_.next_in;
  if (gunzip->stream_.avail_in == 0) return Invalid("the file is empty");
  if (!has_magic || in[0] != 0x1f || in[1] != 0x8b) {
    return Invalid(
        WhatElse(std::string_view(reinterpret_cast<const char*>(in), gunzip->stream_.avail_in)));
  }
  return gunzip;
}

absl::StatusOr<bool> Gunzip::Fill(size_t least) {
  if (stream_.avail_in >= least) return true;
  Remember();
  // The byte before the rest may hold the first bits of a block.
  const unsigned char* const keep = stream_.next_in - kBefore;
  std::memmove(in_.data(), keep, kBefore + stream_.avail_in);
  stream_.next_in = in_.data() + kBefore;
  // Between blocks that are passed over, not what they hold.
  const bool at_header = state_ == State::kBoundary && unneeded_.bytes > 0;
  while (stream_.avail_in < least) {
    const size_t used = kBefore + stream_.avail_in;
    const size_t most = at_header ? least - stream_.avail_in : in_.size() - used;
    const ssize_t count = read(file_, in_.data() + used, most);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return ReadError();
    if (count == 0) return false;
    position_ += count;
    stream_.avail_in += static_cast<unsigned>(count);
  }
  return true;
}

absl::Status Gunzip::ReadError() const {
  return MakeError({.id = DiagnosticId::kFileRead,
                    .message = std::strerror(errno),
                    .location = {.file = path_}});
}

absl::StatusOr<std::string_view> Gunzip::Next(const Unneeded& unneeded) {
  given_ = {};
  place_ = {};
  unneeded_ = unneeded;
  while (status_.ok() && given_.empty() && state_ != State::kEnd) status_ = Advance();
  // What comes before an error tells which member it is in.
  if (given_.empty() && !status_.ok()) return status_;
  inflated_ += static_cast<int64_t>(given_.size());
  if (inflated_ > max_bytes_) {
    status_ = TooLarge(max_bytes_);
    return status_;
  }
  member_size_ += static_cast<uint32_t>(given_.size());
  if (place_.part >= 0) return given_;
  crc_ = libdeflate_crc32(crc_, given_.data(), given_.size());
  crc_size_ += static_cast<int64_t>(given_.size());
  return given_;
}

absl::Status Gunzip::Advance() {
  switch (state_) {
    case State::kHeader:
      return ReadHeader();
    case State::kBoundary:
      return BeginBlock();
    case State::kDeflated:
      return Inflate();
    case State::kStored:
      return GiveStored();
    case State::kTrailer:
      return CheckTrailer();
    case State::kEnd:
      break;
  }
  return absl::OkStatus();
}

absl::Status Gunzip::Damaged(std::string_view reason) const {
  return Invalid(absl::StrCat("the compressed data is damaged: ", reason));
}

// zlib reads the header, and then begins anew without one: checksum and length
// are counted here.
absl::Status Gunzip::ReadHeader() {
  DEPS_ASSIGN_OR_RETURN(const bool has_input, Fill(1));
  if (!has_input) return Invalid(kTooShort);
  stream_.next_out = out_.data();
  stream_.avail_out = 0;
  const int result = inflate(&stream_, Z_BLOCK);
  if (result != Z_OK && result != Z_BUF_ERROR) {
    return Damaged(stream_.msg != nullptr ? stream_.msg : "unknown error");
  }
  if ((stream_.data_type & kAtBoundary) == 0) return absl::OkStatus();
  inflateReset2(&stream_, kRaw);
  in_step_ = true;
  crc_ = 0;
  crc_size_ = 0;
  member_size_ = 0;
  is_deferred_ = false;
  ++run_;
  state_ = State::kBoundary;
  return absl::OkStatus();
}

absl::Status Gunzip::BeginBlock() {
  DEPS_ASSIGN_OR_RETURN(const bool is_stored, TakeStored());
  if (is_stored) return absl::OkStatus();
  if (!in_step_) {
    DEPS_RETURN_IF_ERROR(Recall());
    Remember();
    inflateReset2(&stream_, kRaw);
    inflateSetDictionary(&stream_, reinterpret_cast<const Bytef*>(window_.data()),
                         static_cast<uInt>(window_.size()));
    in_step_ = true;
  }
  state_ = State::kDeflated;
  return absl::OkStatus();
}

// Between two blocks: whether the next one is stored, and worth it. Its header is
// read then; else nothing is.
absl::StatusOr<bool> Gunzip::TakeStored() {
  const int bits = in_step_ ? stream_.data_type & kUnusedBits : 0;
  const size_t more = bits < kHeaderBits ? 1 : 0;
  DEPS_ASSIGN_OR_RETURN(const bool has_input, Fill(more + kLengths));
  if (!has_input) return false;
  const unsigned char* const in = stream_.next_in;
  const uint32_t header =
      (static_cast<uint32_t>(in[-1]) >> (8 - bits)) | static_cast<uint32_t>(in[0]) << bits;
  const uint32_t size = Number(in + more, 2);
  if ((header & 6) != 0 || (in_step_ && size < kWorthTaking)) return false;
  // What is wrong with it zlib shall say.
  if ((size ^ Number(in + more + 2, 2)) != 0xffff) return false;
  if (in_step_) {
    uInt count = 0;
    window_.resize(kWindow);
    inflateGetDictionary(&stream_, reinterpret_cast<Bytef*>(window_.data()), &count);
    window_.resize(count);
    in_step_ = false;
  }
  stream_.next_in += more + kLengths;
  stream_.avail_in -= static_cast<uInt>(more + kLengths);
  stored_left_ = size;
  is_last_ = (header & 1) != 0;
  state_ = State::kStored;
  return true;
}

absl::Status Gunzip::GiveStored() {
  if (MayPassOver()) return PassOver();
  DEPS_RETURN_IF_ERROR(Recall());
  DEPS_ASSIGN_OR_RETURN(const bool has_input, Fill(stored_left_ > 0 ? 1 : 0));
  if (!has_input) return Invalid(kTooShort);
  const auto count = static_cast<uInt>(std::min<int64_t>(stream_.avail_in, stored_left_));
  given_ = std::string_view(reinterpret_cast<const char*>(stream_.next_in), count);
  // After an empty block Next goes on.
  if (count > 0) {
    place_ = {.offset = position_ - stream_.avail_in, .in_block = stored_left_, .run = run_};
  }
  if (count < kWindow) Remember();
  newest_ = given_;
  stream_.next_in += count;
  stream_.avail_in -= count;
  stored_left_ -= count;
  if (stored_left_ == 0) state_ = is_last_ ? State::kTrailer : State::kBoundary;
  return absl::OkStatus();
}

bool Gunzip::MayPassOver() const {
  return unneeded_.run == run_ && std::min(unneeded_.bytes, stored_left_) > 0 &&
         position_ - stream_.avail_in + stored_left_ <= size_;
}

absl::Status Gunzip::PassOver() {
  const int64_t offset = position_ - stream_.avail_in;
  const int64_t count = std::min(unneeded_.bytes, stored_left_);
  const auto in_buffer = static_cast<uInt>(std::min<int64_t>(stream_.avail_in, count));
  Remember();
  stream_.next_in += in_buffer;
  stream_.avail_in -= in_buffer;
  if (in_buffer < count) {
    if (lseek(file_, offset + count, SEEK_SET) < 0) return ReadError();
    position_ = offset + count;
  }
  passed_over_ += count;
  if (crc_size_ > 0) checksum_->AddRead(crc_, crc_size_);
  crc_ = 0;
  crc_size_ = 0;
  is_deferred_ = true;
  given_ = std::string_view(kZeros.data(), static_cast<size_t>(count));
  place_ = {
      .offset = offset, .in_block = stored_left_, .run = run_, .part = checksum_->AddLater(count)};
  if (count >= static_cast<int64_t>(kWindow)) to_recall_.clear();
  to_recall_.push_back({offset, count});
  if (to_recall_.size() > kWindow) to_recall_.pop_front();
  stored_left_ -= count;
  if (stored_left_ == 0) state_ = is_last_ ? State::kTrailer : State::kBoundary;
  return absl::OkStatus();
}

// Reads what was passed over and may be referred to now.
absl::Status Gunzip::Recall() {
  for (const Bytes& bytes : to_recall_) {
    std::string text(static_cast<size_t>(std::min<int64_t>(bytes.size, kWindow)), '\0');
    const auto count = static_cast<int64_t>(text.size());
    ssize_t got;
    do {
      got = pread(file_, text.data(), text.size(), bytes.offset + bytes.size - count);
    } while (got < 0 && errno == EINTR);
    if (got < 0) return ReadError();
    if (got < count) return Invalid(kTooShort);
    newest_ = text;
    Remember();
  }
  to_recall_.clear();
  return absl::OkStatus();
}

void Gunzip::Remember() {
  const size_t kept = kWindow - std::min(newest_.size(), kWindow);
  if (window_.size() > kept) window_.erase(0, window_.size() - kept);
  window_.append(newest_.substr(newest_.size() - std::min(newest_.size(), kWindow)));
  newest_ = {};
}

absl::Status Gunzip::Inflate() {
  stream_.next_out = out_.data();
  stream_.avail_out = static_cast<unsigned>(out_.size());
  absl::Status status;
  while (status.ok() && stream_.avail_out > 0 && state_ == State::kDeflated) {
    const absl::StatusOr<bool> has_input = Fill(1);
    if (!has_input.ok() || !*has_input) {
      status = has_input.ok() ? Invalid(kTooShort) : has_input.status();
      break;
    }
    const int result = inflate(&stream_, Z_BLOCK);
    const bool in_last = (stream_.data_type & kInLastBlock) != 0;
    if (result == Z_STREAM_END) {
      state_ = State::kTrailer;
    } else if (result != Z_OK && result != Z_BUF_ERROR) {
      status = Damaged(stream_.msg != nullptr ? stream_.msg : "unknown error");
    } else if ((stream_.data_type & kAtBoundary) != 0 && !in_last) {
      const absl::StatusOr<bool> is_stored = TakeStored();
      status = is_stored.status();
      if (status.ok() && *is_stored) ++run_;
    }
  }
  given_ =
      std::string_view(reinterpret_cast<const char*>(out_.data()), out_.size() - stream_.avail_out);
  return status;
}

absl::Status Gunzip::CheckTrailer() {
  DEPS_ASSIGN_OR_RETURN(const bool has_input, Fill(kTrailer));
  if (!has_input) return Invalid(kTooShort);
  const uint32_t crc = Number(stream_.next_in, 4);
  if (!is_deferred_ && crc != crc_) return Damaged("incorrect data check");
  if (is_deferred_) {
    checksum_->AddRead(crc_, crc_size_);
    checksum_->EndMember(crc);
  }
  if (Number(stream_.next_in + 4, 4) != member_size_) return Damaged("incorrect length check");
  stream_.next_in += kTrailer;
  stream_.avail_in -= kTrailer;
  // gzip files may follow each other; anything else after the end is refused.
  DEPS_ASSIGN_OR_RETURN(const bool has_more, Fill(1));
  state_ = has_more ? State::kHeader : State::kEnd;
  if (has_more) inflateReset2(&stream_, kGzip);
  return absl::OkStatus();
}

}  // namespace deps
