#include "lib/archive/blob_spool.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "lib/base/status_macros.h"
#include "lib/diag/diagnostic.h"

namespace deps {
namespace {

// Each of at most what Gunzip gives at once.
constexpr size_t kPieces = 32;

}  // namespace

BlobSpool::BlobSpool(std::string folder)
    : folder_(std::move(folder)),
      pieces_(kPieces),
      writer_([this] { Follow(&BlobSpool::Write, &written_); }),
      hasher_([this] { Follow(&BlobSpool::Hash, &hashed_); }) {}

BlobSpool::~BlobSpool() {
  Join();
  if (file_ >= 0) close(file_);
}

void BlobSpool::Begin(const std::string& digest, const std::string& member) {
  begun_.push_back({digest, member});
  Put(digest, "");
}

void BlobSpool::Add(std::string_view bytes) { Put("", bytes); }

void BlobSpool::Put(const std::string& digest, std::string_view bytes) {
  std::unique_lock<std::mutex> lock(mutex_);
  changed_.wait(lock, [this] { return put_ < std::min(written_, hashed_) + kPieces; });
  Piece& piece = pieces_[put_ % kPieces];
  lock.unlock();
  piece.digest = digest;
  piece.bytes.assign(bytes);
  lock.lock();
  ++put_;
  changed_.notify_all();
}

void BlobSpool::Follow(Taker take, size_t* taken) {
  std::unique_lock<std::mutex> lock(mutex_);
  while (true) {
    changed_.wait(lock, [&] { return done_ || *taken < put_; });
    if (*taken == put_) return;
    const Piece& piece = pieces_[*taken % kPieces];
    lock.unlock();
    (this->*take)(piece);
    lock.lock();
    ++*taken;
    changed_.notify_all();
  }
}

void BlobSpool::Join() {
  if (!writer_.joinable()) return;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    done_ = true;
    changed_.notify_all();
  }
  writer_.join();
  hasher_.join();
}

absl::Status BlobSpool::WriteError() const {
  return MakeError({.id = DiagnosticId::kFileWrite,
                    .message = std::strerror(errno),
                    .location = {.file = open_->path},
                    .hint = "blobs are kept in TMPDIR meanwhile; it may need more room"});
}

void BlobSpool::Write(const Piece& piece) {
  // After an error the rest is thrown away, so that nobody waits.
  if (!status_.ok()) return;
  if (!piece.digest.empty()) {
    if (file_ >= 0) close(file_);
    open_ = &files_[piece.digest];
    open_->path = absl::StrCat(folder_, "/", piece.digest.substr(piece.digest.find(':') + 1));
    file_ = open(open_->path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (file_ < 0) status_ = WriteError();
    return;
  }
  std::string_view bytes = piece.bytes;
  open_->size += static_cast<int64_t>(bytes.size());
  while (!bytes.empty()) {
    const ssize_t count = write(file_, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) {
      status_ = WriteError();
      return;
    }
    bytes.remove_prefix(static_cast<size_t>(count));
  }
}

void BlobSpool::Hash(const Piece& piece) {
  if (piece.digest.empty()) {
    hash_->Update(piece.bytes);
    return;
  }
  EndHash();
  hashing_ = piece.digest;
  hash_ = std::make_unique<DigestHasher>(hashing_);
}

void BlobSpool::EndHash() {
  if (hash_ != nullptr) found_[hashing_] = hash_->Digest();
  hash_ = nullptr;
}

absl::Status BlobSpool::Finish(bool whole, std::map<std::string, BlobFile>* blobs,
                               std::map<std::string, std::string>* damaged) {
  Join();
  DEPS_RETURN_IF_ERROR(status_);
  EndHash();
  if (!whole && !begun_.empty()) begun_.pop_back();
  for (const auto& [digest, member] : begun_) {
    const std::string& found = found_.at(digest);
    if (found == digest) {
      blobs->emplace(digest, files_.at(digest));
    } else if (damaged != nullptr) {
      damaged->emplace(digest, found);
    } else {
      return MakeError({.id = DiagnosticId::kArchiveInvalid,
                        .message = absl::StrCat("member '", member, "': its content is ", found)});
    }
  }
  return absl::OkStatus();
}

}  // namespace deps
