// Inflates a gzip file and verifies it to its end.
#ifndef DEPS_LIB_ARCHIVE_GUNZIP_H_
#define DEPS_LIB_ARCHIVE_GUNZIP_H_

#include <zlib.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace deps {

// libarchive's own filter checks neither checksum nor length.
class Gunzip {
 public:
  // Errors: file-not-found, file-read; archive-invalid where it is no gzip file.
  static absl::StatusOr<std::unique_ptr<Gunzip>> Open(const std::string& path, int64_t max_bytes);
  ~Gunzip();
  Gunzip(const Gunzip&) = delete;
  Gunzip& operator=(const Gunzip&) = delete;

  // The next bytes, valid until the next call; empty at the verified end. After
  // an error it is the same error again; what could be inflated before it comes
  // first.
  // Errors: file-read; archive-invalid (truncated, damaged, over the limit).
  absl::StatusOr<std::string_view> Next();

  // How much of the file has been read.
  int64_t read_bytes() const { return read_; }

 private:
  Gunzip(std::string path, int file, int64_t max_bytes);
  absl::Status Inflate();       // Into out_.
  absl::StatusOr<bool> Fill();  // Whether there is input.

  const std::string path_;
  const int file_;
  const int64_t max_bytes_;
  int64_t read_ = 0;
  int64_t inflated_ = 0;
  bool within_ = true;  // A gzip member has begun and not ended.
  z_stream stream_ = {};
  std::vector<unsigned char> in_;
  std::vector<unsigned char> out_;
  absl::Status status_;
};

}  // namespace deps

#endif  // DEPS_LIB_ARCHIVE_GUNZIP_H_
