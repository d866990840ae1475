// Blobs on their way from an archive into files: written on one thread and hashed
// on another while the archive is inflated. What of large ones lies in the archive
// uncompressed stays there, and need not even be read.
#ifndef DEPS_LIB_ARCHIVE_BLOB_SPOOL_H_
#define DEPS_LIB_ARCHIVE_BLOB_SPOOL_H_

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "lib/archive/archive.h"
#include "lib/archive/gunzip.h"
#include "lib/digest/digest_hasher.h"

namespace deps {

class BlobSpool {
 public:
  // Files are made in `folder`, named by the hexadecimal digits. Of blobs of at
  // least limits.leave_bytes what can stay in `archive` does; null: nothing can.
  // `limits` must outlive it.
  BlobSpool(std::string folder, std::shared_ptr<const ArchiveFile> archive,
            const ArchiveLimits& limits);
  ~BlobSpool();
  BlobSpool(const BlobSpool&) = delete;
  BlobSpool& operator=(const BlobSpool&) = delete;

  // A blob of `size` bytes begins: `digest` is valid and new, `member` for messages.
  // What was begun before has ended.
  void Begin(const std::string& digest, const std::string& member, int64_t size);
  // The next bytes of the blob, and where they lie in the archive. Waits where much
  // has not been written or hashed yet. After an error it does nothing.
  void Add(std::string_view bytes, const Gunzip::Place& place);
  // The run whose bytes may be passed over, if they come next; 0: none.
  int64_t RunToPassOver() const;

  // All that came is written, and what was passed over is read unless that is to be
  // deferred. With `damaged`, blobs whose content is not what their digest says are
  // told there; else the first one is the error archive-invalid. Without `whole` the
  // last blob was cut off and is forgotten.
  // Errors also: file-write, file-read, interrupted.
  absl::Status Finish(bool whole, std::map<std::string, BlobFile>* blobs,
                      std::map<std::string, std::string>* damaged);

 private:
  struct Piece {
    std::string digest;  // Not empty: a blob begins, and there are no bytes.
    std::string path;    // Of its file.
    std::string bytes;
    bool is_written = false;
  };
  struct Begun {
    std::string digest;
    std::string member;
    BlobFile file;
    bool may_stay = false;
    int64_t run = 0;  // Of what stays.
  };
  using Taker = void (BlobSpool::*)(const Piece& piece);

  std::string PathOf(const std::string& digest) const;
  // Whether bytes of the blob that has begun stay in the archive; notes it.
  bool Stays(std::string_view bytes, const Gunzip::Place& place);
  // The piece to be filled; waits until there is one.
  Piece& Fill();
  // Gives it to the others.
  void Put();
  absl::Status HashPassedOver();
  // Gives `take` all pieces in their order; `taken` counts them.
  void Follow(Taker take, size_t* taken);
  void Join();
  bool OpenFile();
  void Write(const Piece& piece);
  absl::Status WriteError() const;
  void Hash(const Piece& piece);
  void EndHash();

  const std::string folder_;
  const std::shared_ptr<const ArchiveFile> archive_;
  const ArchiveLimits& limits_;
  std::vector<Begun> begun_;
  bool is_filling_ = false;  // The piece behind the last one that was put.
  // Of the writer, until it has finished.
  std::string path_;
  int file_ = -1;
  absl::Status status_;
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
