// Inflates a gzip file and verifies it to its end.
#ifndef DEPS_LIB_ARCHIVE_GUNZIP_H_
#define DEPS_LIB_ARCHIVE_GUNZIP_H_

#include <zlib.h>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "lib/archive/deferred_checksum.h"

namespace deps {

// libarchive's own filter checks neither checksum nor length.
//
// What a compressor could not make smaller lies in the file as it is, in stored
// blocks: such bytes are given where they were read, and what is said of them is
// where they lie.
class Gunzip {
 public:
  // Errors: file-not-found, file-read; archive-invalid where it is no gzip file.
  static absl::StatusOr<std::unique_ptr<Gunzip>> Open(const std::string& path, int64_t max_bytes);
  ~Gunzip();
  Gunzip(const Gunzip&) = delete;
  Gunzip& operator=(const Gunzip&) = delete;

  // So many bytes of a run (below) that nobody will look at.
  struct Unneeded {
    int64_t bytes = 0;
    int64_t run = 0;
  };
  // The next bytes, valid until the next call; empty at the end, which is verified
  // but for checksum(). After an error it is the same error again; what could be
  // inflated before it comes first.
  //
  // What is unneeded is passed over where it can be: zeros come in its place, and
  // its checksum is to be noted in checksum().
  // Errors: file-read; archive-invalid (truncated, damaged, over the limit).
  absl::StatusOr<std::string_view> Next(const Unneeded& unneeded = {0, 0});

  // Where in the file the bytes that Next gave last lie as they are.
  struct Place {
    int64_t offset = -1;   // -1: nowhere.
    int64_t in_block = 0;  // How many bytes are left of their block, they included.
    // Equal for bytes with nothing but headers of stored blocks between them; not 0.
    int64_t run = 0;
    int part = -1;  // Of checksum(), where they were passed over.
  };
  const Place& place() const { return place_; }

  // Of the members of which something was passed over.
  const std::shared_ptr<DeferredChecksum>& checksum() const { return checksum_; }

  // How much of the file has been used: not what was passed over.
  int64_t used_bytes() const { return position_ - stream_.avail_in - passed_over_; }
  int file() const { return file_; }

 private:
  enum class State { kHeader, kBoundary, kDeflated, kStored, kTrailer, kEnd };

  struct Bytes {
    int64_t offset = 0;
    int64_t size = 0;
  };

  Gunzip(std::string path, int file, int64_t max_bytes);
  absl::StatusOr<bool> Fill(size_t least);  // Whether there is so much input.
  absl::Status Advance();                   // Gives something, or goes to another state.
  absl::Status ReadHeader();
  absl::Status BeginBlock();
  absl::StatusOr<bool> TakeStored();
  absl::Status Inflate();
  absl::Status GiveStored();
  bool MayPassOver() const;
  absl::Status PassOver();
  absl::Status CheckTrailer();
  absl::Status Damaged(std::string_view reason) const;
  absl::Status ReadError() const;
  void Remember();
  absl::Status Recall();

  const std::string path_;
  const int file_;
  const int64_t max_bytes_;
  int64_t size_ = 0;      // Of a regular file.
  int64_t position_ = 0;  // Behind what is in in_.
  int64_t passed_over_ = 0;
  int64_t inflated_ = 0;
  State state_ = State::kHeader;
  z_stream stream_ = {};
  std::vector<unsigned char> in_;
  std::vector<unsigned char> out_;
  std::string_view given_;
  Place place_;
  Unneeded unneeded_;
  std::shared_ptr<DeferredChecksum> checksum_ = std::make_shared<DeferredChecksum>();
  // Of the gzip member.
  uint32_t member_size_ = 0;
  bool is_deferred_ = false;  // Its checksum: something was passed over.
  // Of what was read since then.
  uint32_t crc_ = 0;
  int64_t crc_size_ = 0;
  // Of a stored block.
  int64_t stored_left_ = 0;
  bool is_last_ = false;
  int64_t run_ = 0;
  // Where zlib did not see the last bytes: those that may be referred to, but for
  // the newest, which are still in in_.
  bool in_step_ = true;
  std::string window_;
  std::string_view newest_;
  // Behind those of window_ and still in the file. newest_ is empty then.
  std::deque<Bytes> to_recall_;
  absl::Status status_;
};

}  // namespace deps

#endif  // DEPS_LIB_ARCHIVE_GUNZIP_H_
