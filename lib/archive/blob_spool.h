// Blobs on their way from an archive into files: written on one thread and hashed
// on another while the archive is inflated.
#ifndef DEPS_LIB_ARCHIVE_BLOB_SPOOL_H_
#define DEPS_LIB_ARCHIVE_BLOB_SPOOL_H_

#include <condition_variable>
#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

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

  // A blob begins: `digest` is valid and new, `member` for messages. What was
  // begun before has ended.
  void Begin(const std::string& digest, const std::string& member);
  // Waits where much has not been written or hashed yet. After an error it does
  // nothing.
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
    std::string bytes;
  };
  struct Begun {
    std::string digest;
    std::string member;
  };
  using Taker = void (BlobSpool::*)(const Piece& piece);

  void Put(const std::string& digest, std::string_view bytes);
  // Gives `take` all pieces in their order; `taken` counts them.
  void Follow(Taker take, size_t* taken);
  void Join();
  void Write(const Piece& piece);
  absl::Status WriteError() const;
  void Hash(const Piece& piece);
  void EndHash();

  const std::string folder_;
  std::vector<Begun> begun_;
  // Of the writer, until it has finished.
  std::map<std::string, BlobFile> files_;
  BlobFile* open_ = nullptr;
  int file_ = -1;
  absl::Status status_;
  // Of the hasher.
  // Of the hasher, likewise.
  std::string hashing_;
  std::unique_ptr<DigestHasher> hash_;
  std::map<std::string, std::string> found_;  // The digest in a name -> that of the content.

  std::mutex mutex_;
  std::condition_variable changed_;
  // A ring, whose memory is used again and again.
  std::vector<Piece> pieces_;
  size_t put_ = 0;
  size_t written_ = 0;
  size_t hashed_ = 0;
  bool done_ = false;
  std::thread writer_;
  std::thread hasher_;
};

}  // namespace deps

#endif  // DEPS_LIB_ARCHIVE_BLOB_SPOOL_H_
