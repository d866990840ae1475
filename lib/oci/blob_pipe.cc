#include "lib/oci/blob_pipe.h"

#include <algorithm>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "lib/diag/diagnostic.h"
#include "lib/http/http.h"

namespace deps {
namespace {

constexpr size_t kMostBytes = size_t{2} << 20;

class Pipe : public BlobReader {
 public:
  Pipe(Registry& registry, const Reference& repository, const std::string& digest, int64_t size)
      : thread_([this, &registry, repository, digest, size] {
          const absl::Status status = registry.GetBlobToSink(
              repository, digest, size, [this](std::string_view piece) { return Add(piece); },
              [this] { return Restart(); });
          const std::lock_guard<std::mutex> lock(mutex_);
          status_ = status;
          done_ = true;
          changed_.notify_all();
        }) {}

  ~Pipe() override {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      closed_ = true;
      changed_.notify_all();
    }
    thread_.join();
  }

  absl::StatusOr<size_t> Read(char* buffer, size_t size) override {
    std::unique_lock<std::mutex> lock(mutex_);
    // The last piece waits until the digest is known.
    changed_.wait(lock, [this] { return done_ || pieces_.size() > 1; });
    if (done_ && !status_.ok()) return status_;
    if (pieces_.empty()) return 0;
    std::string& piece = pieces_.front();
    const size_t count = std::min(size, piece.size() - taken_);
    std::memcpy(buffer, piece.data() + taken_, count);
    taken_ += count;
    given_ = true;
    if (taken_ == piece.size()) {
      bytes_ -= piece.size();
      taken_ = 0;
      pieces_.pop_front();
      changed_.notify_all();
    }
    return count;
  }

 private:
  absl::Status Add(std::string_view piece) {
    if (piece.empty()) return absl::OkStatus();
    std::unique_lock<std::mutex> lock(mutex_);
    changed_.wait(lock, [this] { return closed_ || bytes_ < kMostBytes || pieces_.size() < 2; });
    if (closed_) return absl::CancelledError();
    bytes_ += piece.size();
    pieces_.emplace_back(piece);
    changed_.notify_all();
    return absl::OkStatus();
  }

  // What was given cannot be taken back: then the whole transfer begins anew.
  absl::Status Restart() {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (given_) {
      absl::Status status = MakeError({.id = DiagnosticId::kRegistryUnreachable,
                                       .message = "the registry broke off while a blob came in"});
      http::MarkTransient(&status);
      return status;
    }
    pieces_.clear();
    bytes_ = 0;
    return absl::OkStatus();
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::string> pieces_;
  size_t bytes_ = 0;
  size_t taken_ = 0;  // Of the first piece.
  bool given_ = false;
  bool done_ = false;
  bool closed_ = false;
  absl::Status status_;
  std::thread thread_;  // The last member: it uses the others.
};

}  // namespace

OpenBlob BlobInRegistry(Registry& registry, const Reference& repository, const std::string& digest,
                        int64_t size) {
  return [&registry, repository, digest, size]() -> absl::StatusOr<std::unique_ptr<BlobReader>> {
    return std::make_unique<Pipe>(registry, repository, digest, size);
  };
}

}  // namespace deps
