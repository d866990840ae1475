#include "lib/secrets/locked_memory.h"

#include <openssl/mem.h>
#include <sys/mman.h>

#include <array>
#include <cstdlib>
#include <cstring>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"

namespace deps {
namespace {

constexpr size_t kSmallest = 64;
constexpr size_t kLargest = size_t{64} << 10;
constexpr size_t kChunk = size_t{256} << 10;
constexpr size_t kPage = 4096;
constexpr size_t kLink = sizeof(char*);

char* NewPages(size_t size) {
  void* const pages =
      mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (pages == MAP_FAILED) std::abort();
  // Best effort: the limit may be small, and an unlocked page still works.
  static_cast<void>(mlock(pages, size));
  madvise(pages, size, MADV_DONTDUMP);
  return static_cast<char*>(pages);
}

// Blocks of 64, 128, … bytes, cut from larger pieces and used again; a free
// block holds the address of the next one.
class Pool {
 public:
  char* Allocate(size_t size, size_t* capacity) {
    size_t index = 0;
    for (*capacity = kSmallest; *capacity < size; *capacity *= 2) ++index;
    absl::MutexLock lock(&mutex_);
    char*& head = free_[index];
    if (head == nullptr) return Cut(*capacity);
    char* const block = head;
    std::memcpy(&head, block, kLink);
    std::memset(block, 0, kLink);
    return block;
  }

  void Free(char* block, size_t capacity) {
    size_t index = 0;
    for (size_t size = kSmallest; size < capacity; size *= 2) ++index;
    absl::MutexLock lock(&mutex_);
    std::memcpy(block, &free_[index], kLink);
    free_[index] = block;
  }

 private:
  char* Cut(size_t capacity) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (left_ < capacity) {
      chunk_ = NewPages(kChunk);
      left_ = kChunk;
    }
    char* const block = chunk_;
    chunk_ += capacity;
    left_ -= capacity;
    return block;
  }

  absl::Mutex mutex_;
  std::array<char*, 11> free_ ABSL_GUARDED_BY(mutex_) = {};  // 64 bytes to 64 KiB.
  char* chunk_ ABSL_GUARDED_BY(mutex_) = nullptr;
  size_t left_ ABSL_GUARDED_BY(mutex_) = 0;
};

Pool& ThePool() {
  static auto* const pool = new Pool;
  return *pool;
}

}  // namespace

char* AllocateLocked(size_t size, size_t* capacity) {
  if (size <= kLargest) return ThePool().Allocate(size, capacity);
  *capacity = (size + kPage - 1) / kPage * kPage;
  return NewPages(*capacity);
}

void FreeLocked(char* bytes, size_t capacity) {
  OPENSSL_cleanse(bytes, capacity);
  if (capacity <= kLargest) return ThePool().Free(bytes, capacity);
  munmap(bytes, capacity);
}

}  // namespace deps
