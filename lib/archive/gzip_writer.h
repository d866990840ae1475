// Gzip with all cores. The bytes depend on the input alone: it is cut into
// pieces of one size, each compressed by itself, whoever does it and when.
#ifndef DEPS_LIB_ARCHIVE_GZIP_WRITER_H_
#define DEPS_LIB_ARCHIVE_GZIP_WRITER_H_

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "absl/status/status.h"

namespace deps {

class GzipWriter {
 public:
  // `threads` of 0: one a core, at most 8. Memory: 2 MiB a thread.
  explicit GzipWriter(std::function<absl::Status(std::string_view)> sink, int threads = 0);
  ~GzipWriter();
  GzipWriter(const GzipWriter&) = delete;
  GzipWriter& operator=(const GzipWriter&) = delete;

  // Errors: those of the sink, which is called on the caller's thread only.
  absl::Status Write(std::string_view bytes);
  // The rest, and the end of the gzip member.
  absl::Status Close();

 private:
  struct Piece;

  absl::Status Dispatch();
  absl::Status EmitFirst();
  void Work();

  const std::function<absl::Status(std::string_view)> sink_;
  std::string pending_;
  uint64_t size_ = 0;
  uint32_t crc_ = 0;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::shared_ptr<Piece>> pieces_;  // In order; all that have not been emitted.
  size_t taken_ = 0;                           // How many of them have been begun.
  bool done_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace deps

#endif  // DEPS_LIB_ARCHIVE_GZIP_WRITER_H_
