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
#include "lib/archive/unread_blobs.h"
#include "lib/base/status_macros.h"
#include "lib/diag/diagnostic.h"

namespace deps {
namespace {

constexpr size_t kPieces = 32;
constexpr size_t kPiece = size_t{256} << 10;

}  // namespace

BlobSpool::BlobSpool(std::string folder, std::shared_ptr<const ArchiveFile> archive,
                     const ArchiveLimits& limits)
    : folder_(std::move(folder)),
      archive_(std::move(archive)),
      limits_(limits),
      pieces_(kPieces),
      writer_([this] { Follow(&BlobSpool::Write, &written_); }),
      hasher_([this] { Follow(&BlobSpool::Hash, &hashed_); }) {}

BlobSpool::~BlobSpool() {
  Join();
  if (file_ >= 0) close(file_);
}

void BlobSpool::Begin(const std::string& digest, const std::string& member, int64_t size) {
  Put();
  Begun begun = {.digest = digest, .member = member};
  begun.may_stay = archive_ != nullptr && size >= limits_.leave_bytes;
  // A blob without bytes has a file, too.
  if (!begun.may_stay) begun.file.path = PathOf(digest);
  Piece& piece = Fill();
  piece.digest = digest;
  piece.path = PathOf(digest);
  piece.is_written = !begun.may_stay;
  begun_.push_back(std::move(begun));
  Put();
}

std::string BlobSpool::PathOf(const std::string& digest) const {
  return absl::StrCat(folder_, "/", digest.substr(digest.find(':') + 1));
}

// One run of a blob may stay: what comes before and behind it is written.
bool BlobSpool::Stays(std::string_view bytes, const Gunzip::Place& place) {
  Begun& blob = begun_.back();
  StoredRun& stored = blob.file.stored;
  const auto size = static_cast<int64_t>(bytes.size());
  const bool begins = stored.size == 0;
  // Once something was written behind it the run is over.
  const bool is_last = blob.file.size == blob.file.before + stored.size;
  if (!blob.may_stay || place.offset < 0 || !is_last) return false;
  if (!begins && blob.run != place.run) return false;
  if (begins) {
    stored = {.offset = place.offset, .in_block = place.in_block};
    blob.run = place.run;
    blob.file.archive = archive_;
  }
  stored.size += size;
  return true;
}

int64_t BlobSpool::RunToPassOver() const {
  const Begun& blob = begun_.back();
  const UnreadPart& unread = blob.file.unread;
  if (blob.file.stored.size == 0 || blob.file.size != blob.file.before + blob.file.stored.size) {
    return 0;
  }
  // One part of a blob at most.
  return unread.size == 0 || unread.begin + unread.size == blob.file.size ? blob.run : 0;
}

void BlobSpool::Add(std::string_view bytes, const Gunzip::Place& place) {
  Begun& blob = begun_.back();
  const bool stays = Stays(bytes, place);
  const auto size = static_cast<int64_t>(bytes.size());
  if (place.part >= 0) {
    UnreadPart& unread = blob.file.unread;
    if (unread.size == 0) {
      unread = {.digest = blob.digest, .begin = blob.file.size, .part = place.part};
    }
    unread.size += size;
  }
  blob.file.size += size;
  if (!stays && blob.file.path.empty()) blob.file.path = PathOf(blob.digest);
  if (!stays && blob.file.stored.size == 0) blob.file.before = blob.file.size;
  if (place.part >= 0) return;
  if (is_filling_) {
    const Piece& piece = pieces_[put_ % kPieces];
    if (piece.is_written == stays || piece.bytes.size() + bytes.size() > kPiece) Put();
  }
  Piece& piece = Fill();
  piece.is_written = !stays;
  piece.bytes.append(bytes);
}

BlobSpool::Piece& BlobSpool::Fill() {
  Piece& piece = pieces_[put_ % kPieces];
  if (is_filling_) return piece;
  std::unique_lock<std::mutex> lock(mutex_);
  changed_.wait(lock, [this] { return put_ < std::min(written_, hashed_) + kPieces; });
  piece.digest.clear();
  piece.bytes.clear();
  is_filling_ = true;
  return piece;
}

void BlobSpool::Put() {
  if (!is_filling_) return;
  is_filling_ = false;
  const std::lock_guard<std::mutex> lock(mutex_);
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
  Put();
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
                    .location = {.file = path_},
                    .hint = kMoreRoom});
}

bool BlobSpool::OpenFile() {
  file_ = open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (file_ < 0) status_ = WriteError();
  return file_ >= 0;
}

void BlobSpool::Write(const Piece& piece) {
  // After an error the rest is thrown away, so that nobody waits.
  if (!status_.ok()) return;
  if (!piece.digest.empty()) {
    if (file_ >= 0) close(file_);
    file_ = -1;
    path_ = piece.path;
  }
  if (!piece.is_written || (file_ < 0 && !OpenFile())) return;
  std::string_view bytes = piece.bytes;
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

// In place of what was found for the bytes that were read.
absl::Status BlobSpool::HashPassedOver() {
  std::map<std::string, BlobFile> blobs;
  for (const Begun& blob : begun_) blobs.emplace(blob.digest, blob.file);
  DEPS_RETURN_IF_ERROR(HashUnread(blobs, limits_.stop, limits_.on_read, &found_));
  for (Begun& blob : begun_) blob.file.unread = {};
  return absl::OkStatus();
}

absl::Status BlobSpool::Finish(bool whole, std::map<std::string, BlobFile>* blobs,
                               std::map<std::string, std::string>* damaged) {
  Join();
  DEPS_RETURN_IF_ERROR(status_);
  EndHash();
  if (!whole && !begun_.empty()) begun_.pop_back();
  if (!limits_.defer) DEPS_RETURN_IF_ERROR(HashPassedOver());
  for (const Begun& blob : begun_) {
    const std::string& digest = blob.digest;
    const std::string& found = found_.at(digest);
    if (found == digest || blob.file.unread.size > 0) {
      blobs->emplace(digest, blob.file);
    } else if (damaged != nullptr) {
      damaged->emplace(digest, found);
    } else {
      return MakeError(
          {.id = DiagnosticId::kArchiveInvalid,
           .message = absl::StrCat("member '", blob.member, "': its content is ", found)});
    }
  }
  return absl::OkStatus();
}

}  // namespace deps
