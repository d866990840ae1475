// Hashes blobs where they lie, with all cores.
#ifndef DEPS_LIB_ARCHIVE_BLOB_HASHER_H_
#define DEPS_LIB_ARCHIVE_BLOB_HASHER_H_

#include <atomic>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "lib/archive/archive.h"

namespace deps {

class BlobHasher {
 public:
  // Where `stop` is not null and becomes other than 0, it ends (interrupted).
  explicit BlobHasher(const std::atomic<int>* stop) : stop_(stop) {}
  // What has not been hashed is left.
  ~BlobHasher();
  BlobHasher(const BlobHasher&) = delete;
  BlobHasher& operator=(const BlobHasher&) = delete;

  // Of `digest`, whose algorithm counts. The first one starts the threads.
  void Add(const std::string& digest, const BlobFile& blob);
  // Waits for all, and notes: the digest that was given -> that of the content.
  // Call it once. Errors: file-read, interrupted.
  absl::Status Finish(std::map<std::string, std::string>* found);

 private:
  using Task = std::pair<std::string, BlobFile>;

  void Work();
  absl::Status Hash(const Task& task, std::string* found);
  bool IsLeft();

  const std::atomic<int>* const stop_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Task> tasks_;
  std::map<std::string, std::string> found_;
  absl::Status status_;
  bool is_complete_ = false;  // No task will come.
  bool is_left_ = false;      // Nobody wants to know any more.
  std::vector<std::thread> threads_;
};

}  // namespace deps

#endif  // DEPS_LIB_ARCHIVE_BLOB_HASHER_H_
