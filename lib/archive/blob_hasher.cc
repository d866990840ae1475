#include "lib/archive/blob_hasher.h"

#include <cstdint>
#include <memory>
#include <string_view>

#include "absl/status/statusor.h"
#include "lib/archive/archived_blob.h"
#include "lib/base/parallel.h"
#include "lib/base/status_macros.h"
#include "lib/diag/diagnostic.h"
#include "lib/digest/digest_hasher.h"

namespace deps {
namespace {

// Stays in the cache between reading and hashing.
constexpr size_t kBuffer = size_t{128} << 10;

}  // namespace

BlobHasher::~BlobHasher() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    is_left_ = true;
    changed_.notify_all();
  }
  for (std::thread& thread : threads_) thread.join();
}

void BlobHasher::Add(const std::string& digest, const BlobFile& blob) {
  if (threads_.empty()) {
    for (int i = Processors(); i > 0; --i) threads_.emplace_back([this] { Work(); });
  }
  const std::lock_guard<std::mutex> lock(mutex_);
  tasks_.emplace_back(digest, blob);
  changed_.notify_one();
}

absl::Status BlobHasher::Finish(std::map<std::string, std::string>* found) {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    is_complete_ = true;
    changed_.notify_all();
  }
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
  for (auto& [digest, of_content] : found_) (*found)[digest] = std::move(of_content);
  return status_;
}

void BlobHasher::Work() {
  std::unique_lock<std::mutex> lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return is_left_ || is_complete_ || !tasks_.empty(); });
    if (is_left_ || tasks_.empty()) return;
    const Task task = std::move(tasks_.front());
    tasks_.pop_front();
    lock.unlock();
    std::string found;
    absl::Status status = Hash(task, &found);
    lock.lock();
    found_[task.first] = std::move(found);
    status_.Update(status);
  }
}

bool BlobHasher::IsLeft() {
  const std::lock_guard<std::mutex> lock(mutex_);
  return is_left_;
}

absl::Status BlobHasher::Hash(const Task& task, std::string* found) {
  const auto& [digest, blob] = task;
  DEPS_ASSIGN_OR_RETURN(const std::unique_ptr<ArchivedBlob> content, ArchivedBlob::Open(blob));
  DigestHasher hash(digest);
  std::vector<char> buffer(kBuffer);
  for (int64_t at = 0; at < blob.size && !IsLeft();) {
    DEPS_ASSIGN_OR_RETURN(const size_t count, content->Read(at, buffer.data(), buffer.size()));
    hash.Update(std::string_view(buffer.data(), count));
    at += static_cast<int64_t>(count);
    if (stop_ != nullptr && *stop_ != 0) {
      return MakeError({.id = DiagnosticId::kInterrupted, .message = "a signal ended it"});
    }
  }
  *found = hash.Digest();
  return absl::OkStatus();
}

}  // namespace deps
