#include "lib/archive/blob_spool.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "lib/base/status_macros.h"
#include "lib/diag/diagnostic.h"

namespace deps {
namespace {

constexpr size_t kMostBytes = size_t{4} << 20;
constexpr size_t kMostPieces = 10'000;

}  // namespace

struct BlobSpool::Blob {
  Blob(const std::string& digest_of_name, std::string member_name, std::string path)
      : digest(digest_of_name), member(std::move(member_name)), hash(digest_of_name) {
    blob.path = std::move(path);
  }
  ~Blob() {
    if (file >= 0) close(file);
  }
  absl::Status Error() const {
    return MakeError({.id = DiagnosticId::kFileWrite,
                      .message = std::strerror(errno),
                      .location = {.file = blob.path},
                      .hint = "blobs are kept in TMPDIR meanwhile; it may need more room"});
  }

  const std::string digest;
  const std::string member;
  DigestHasher hash;
  BlobFile blob;
  int file = -1;
};

BlobSpool::BlobSpool(std::string folder)
    : folder_(std::move(folder)), thread_([this] { Work(); }) {}

BlobSpool::~BlobSpool() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    done_ = true;
    changed_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
}

void BlobSpool::Begin(const std::string& digest, const std::string& member) {
  Put({.digest = digest, .bytes = member});
}

void BlobSpool::Add(std::string_view bytes) { Put({.digest = {}, .bytes = std::string(bytes)}); }

void BlobSpool::Put(Piece piece) {
  std::unique_lock<std::mutex> lock(mutex_);
  changed_.wait(lock, [this] { return bytes_ < kMostBytes && pieces_.size() < kMostPieces; });
  bytes_ += piece.bytes.size();
  pieces_.push_back(std::move(piece));
  changed_.notify_all();
}

void BlobSpool::Work() {
  while (true) {
    Piece piece;
    {
      std::unique_lock<std::mutex> lock(mutex_);
      changed_.wait(lock, [this] { return done_ || !pieces_.empty(); });
      if (pieces_.empty()) return;
      piece = std::move(pieces_.front());
      pieces_.pop_front();
      bytes_ -= piece.bytes.size();
      changed_.notify_all();
    }
    // After an error the rest is thrown away, so that nobody waits.
    if (status_.ok()) status_ = Take(piece);
  }
}

absl::Status BlobSpool::Take(const Piece& piece) {
  if (!piece.digest.empty()) {
    End();
    open_ = std::make_unique<Blob>(
        piece.digest, piece.bytes,
        absl::StrCat(folder_, "/", piece.digest.substr(piece.digest.find(':') + 1)));
    open_->file =
        open(open_->blob.path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    return open_->file < 0 ? open_->Error() : absl::OkStatus();
  }
  std::string_view bytes = piece.bytes;
  open_->hash.Update(bytes);
  open_->blob.size += static_cast<int64_t>(bytes.size());
  while (!bytes.empty()) {
    const ssize_t count = write(open_->file, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return open_->Error();
    bytes.remove_prefix(static_cast<size_t>(count));
  }
  return absl::OkStatus();
}

void BlobSpool::End() {
  if (open_ == nullptr) return;
  const std::unique_ptr<Blob> blob = std::move(open_);
  std::string found = blob->hash.Digest();
  if (found == blob->digest) {
    blobs_.emplace(blob->digest, std::move(blob->blob));
    return;
  }
  if (first_damaged_.empty()) {
    first_damaged_ = absl::StrCat("member '", blob->member, "': its content is ", found);
  }
  damaged_.emplace(blob->digest, std::move(found));
}

absl::Status BlobSpool::Finish(bool whole, std::map<std::string, BlobFile>* blobs,
                               std::map<std::string, std::string>* damaged) {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    done_ = true;
    changed_.notify_all();
  }
  thread_.join();
  DEPS_RETURN_IF_ERROR(status_);
  if (whole) End();
  if (damaged == nullptr && !first_damaged_.empty()) {
    return MakeError({.id = DiagnosticId::kArchiveInvalid, .message = first_damaged_});
  }
  *blobs = std::move(blobs_);
  if (damaged != nullptr) *damaged = std::move(damaged_);
  return absl::OkStatus();
}

}  // namespace deps
