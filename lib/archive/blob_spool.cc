#include "lib/archive/blob_spool.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <functional>
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

BlobSpool::Worker::Worker(std::function<void(const Piece&)> take)
    : take_(std::move(take)), thread_([this] { Work(); }) {}

BlobSpool::Worker::~Worker() { Finish(); }

void BlobSpool::Worker::Put(std::shared_ptr<const Piece> piece) {
  std::unique_lock<std::mutex> lock(mutex_);
  changed_.wait(lock, [this] { return bytes_ < kMostBytes && pieces_.size() < kMostPieces; });
  bytes_ += piece->bytes.size();
  pieces_.push_back(std::move(piece));
  changed_.notify_all();
}

void BlobSpool::Worker::Finish() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    done_ = true;
    changed_.notify_all();
  }
  thread_.join();
}

void BlobSpool::Worker::Work() {
  while (true) {
    std::shared_ptr<const Piece> piece;
    {
      std::unique_lock<std::mutex> lock(mutex_);
      changed_.wait(lock, [this] { return done_ || !pieces_.empty(); });
      if (pieces_.empty()) return;
      piece = std::move(pieces_.front());
      pieces_.pop_front();
      bytes_ -= piece->bytes.size();
      changed_.notify_all();
    }
    take_(*piece);
  }
}

BlobSpool::BlobSpool(std::string folder)
    : folder_(std::move(folder)),
      writer_([this](const Piece& piece) { Write(piece); }),
      hasher_([this](const Piece& piece) { Hash(piece); }) {}

BlobSpool::~BlobSpool() {
  writer_.Finish();
  if (file_ >= 0) close(file_);
}

void BlobSpool::Begin(const std::string& digest, const std::string& member) {
  begun_.push_back({digest, member});
  Put({.digest = digest, .bytes = {}});
}

void BlobSpool::Add(std::string_view bytes) { Put({.digest = {}, .bytes = std::string(bytes)}); }

void BlobSpool::Put(Piece piece) {
  const auto shared = std::make_shared<const Piece>(std::move(piece));
  writer_.Put(shared);
  hasher_.Put(shared);
}

absl::Status BlobSpool::WriteError(const std::string& path) const {
  return MakeError({.id = DiagnosticId::kFileWrite,
                    .message = std::strerror(errno),
                    .location = {.file = path},
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
    if (file_ < 0) status_ = WriteError(open_->path);
    return;
  }
  std::string_view bytes = piece.bytes;
  open_->size += static_cast<int64_t>(bytes.size());
  while (!bytes.empty()) {
    const ssize_t count = write(file_, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) {
      status_ = WriteError(open_->path);
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
  hashed_ = piece.digest;
  hash_ = std::make_unique<DigestHasher>(hashed_);
}

void BlobSpool::EndHash() {
  if (hash_ != nullptr) found_[hashed_] = hash_->Digest();
  hash_ = nullptr;
}

absl::Status BlobSpool::Finish(bool whole, std::map<std::string, BlobFile>* blobs,
                               std::map<std::string, std::string>* damaged) {
  writer_.Finish();
  hasher_.Finish();
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
