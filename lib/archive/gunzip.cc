#include "lib/archive/gunzip.h"

#include <fcntl.h>
#include <unistd.h>

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
#include "lib/base/status_macros.h"
#include "lib/diag/diagnostic.h"

namespace deps {
namespace {

constexpr size_t kBuffer = size_t{256} << 10;
constexpr int kGzipOnly = 15 + 16;  // The largest window, with a gzip header.

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
    : path_(std::move(path)), file_(file), max_bytes_(max_bytes), in_(kBuffer), out_(kBuffer) {}

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
  if (inflateInit2(&gunzip->stream_, kGzipOnly) != Z_OK) {
    return MakeError({.id = DiagnosticId::kInternal, .message = "cannot set up zlib"});
  }
  DEPS_ASSIGN_OR_RETURN(const bool has_input, gunzip->Fill());
  const unsigned char* const in = gunzip->stream_.next_in;
  if (!has_input) return Invalid("the file is empty");
  if (gunzip->stream_.avail_in < 2 || in[0] != 0x1f || in[1] != 0x8b) {
    return Invalid(
        WhatElse(std::string_view(reinterpret_cast<const char*>(in), gunzip->stream_.avail_in)));
  }
  return gunzip;
}

absl::StatusOr<bool> Gunzip::Fill() {
  if (stream_.avail_in > 0) return true;
  ssize_t count = 0;
  do {
    count = read(file_, in_.data(), in_.size());
  } while (count < 0 && errno == EINTR);
  if (count < 0) {
    return MakeError({.id = DiagnosticId::kFileRead,
                      .message = std::strerror(errno),
                      .location = {.file = path_}});
  }
  read_ += count;
  stream_.next_in = in_.data();
  stream_.avail_in = static_cast<unsigned>(count);
  return count > 0;
}

absl::StatusOr<std::string_view> Gunzip::Next() {
  if (!status_.ok()) return status_;
  stream_.next_out = out_.data();
  stream_.avail_out = static_cast<unsigned>(out_.size());
  status_ = Inflate();
  const size_t count = out_.size() - stream_.avail_out;
  inflated_ += static_cast<int64_t>(count);
  if (inflated_ > max_bytes_) {
    status_ = TooLarge(max_bytes_);
    return status_;
  }
  // What comes before an error tells which member it is in.
  if (count == 0 && !status_.ok()) return status_;
  return std::string_view(reinterpret_cast<const char*>(out_.data()), count);
}

absl::Status Gunzip::Inflate() {
  while (stream_.avail_out > 0) {
    DEPS_ASSIGN_OR_RETURN(const bool has_input, Fill());
    if (!has_input) {
      return within_ ? Invalid("the compressed data ends too early") : absl::OkStatus();
    }
    // gzip files may follow each other; anything else after the end is refused.
    if (!within_) {
      inflateReset(&stream_);
      within_ = true;
    }
    const int result = inflate(&stream_, Z_NO_FLUSH);
    if (result == Z_STREAM_END) {
      within_ = false;
    } else if (result != Z_OK && result != Z_BUF_ERROR) {
      return Invalid(absl::StrCat("the compressed data is damaged: ",
                                  stream_.msg != nullptr ? stream_.msg : "unknown error"));
    }
  }
  return absl::OkStatus();
}

}  // namespace deps
