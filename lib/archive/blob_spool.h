// Blobs on their way from an archive into files, hashed and written on a thread
// of its own while the archive is inflated.
#ifndef DEPS_LIB_ARCHIVE_BLOB_SPOOL_H_
#define DEPS_LIB_ARCHIVE_BLOB_SPOOL_H_

#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

#include "absl/status/status.h"
#include "lib/archive/archive.h"
#include "lib/digest/digest_hasher.h"

namespace deps {

class BlobSpool {
 public:
  // Files are made in `folder`, named by the hexadecimal digits.
  explicit BlobSpool(std::string folder);
  ~BlobSpool();
  BlobSpool(const BlobSpool&) = delete;
  BlobSpool& operator=(const BlobSpool&) = delete;

  // A blob begins: `digest` is valid, `member` for messages. What was begun
  // before has ended.
  void Begin(const std::string& digest, const std::string& member);
  // Waits where much has not been written yet. After an error it does nothing.
  void Add(std::string_view bytes);

  // All that came is written. With `damaged`, blobs whose content is not what
  // their digest says are told there; else the first one is the error
  // archive-invalid. Without `whole` the last blob was cut off and is forgotten.
  // Errors also: file-write.
  absl::Status Finish(bool whole, std::map<std::string, BlobFile>* blobs,
                      std::map<std::string, std::string>* damaged);

 private:
  struct Piece {
    std::string digest;  // Not empty: a blob begins.
    std::string bytes;   // Or the name of its member.
  };
  struct Blob;

  void Put(Piece piece);
  void Work();
  absl::Status Take(const Piece& piece);
  void End();

  const std::string folder_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Piece> pieces_;
  size_t bytes_ = 0;
  bool done_ = false;
  // Of the thread, until it has been joined.
  std::unique_ptr<Blob> open_;
  std::map<std::string, BlobFile> blobs_;
  std::map<std::string, std::string> damaged_;
  std::string first_damaged_;  // Its message.
  absl::Status status_;
  std::thread thread_;
};

}  // namespace deps

#endif  // DEPS_LIB_ARCHIVE_BLOB_SPOOL_H_
