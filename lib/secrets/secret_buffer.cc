#include "lib/secrets/secret_buffer.h"

#include <openssl/mem.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "lib/secrets/locked_memory.h"

namespace deps {

SecretBuffer::SecretBuffer(std::string_view value) { Append(value); }

SecretBuffer SecretBuffer::Take(std::string* value) {
  SecretBuffer buffer(*value);
  OPENSSL_cleanse(value->data(), value->size());
  value->clear();
  return buffer;
}

SecretBuffer::SecretBuffer(SecretBuffer&& other) noexcept { *this = std::move(other); }

SecretBuffer& SecretBuffer::operator=(SecretBuffer&& other) noexcept {
  if (this == &other) return *this;
  Clear();
  bytes_ = std::exchange(other.bytes_, nullptr);
  size_ = std::exchange(other.size_, 0);
  capacity_ = std::exchange(other.capacity_, 0);
  return *this;
}

SecretBuffer::~SecretBuffer() { Clear(); }

void SecretBuffer::Reserve(size_t size) {
  if (size <= capacity_) return;
  SecretBuffer larger;
  larger.bytes_ = AllocateLocked(std::max(size, 2 * capacity_), &larger.capacity_);
  larger.size_ = size_;
  if (size_ > 0) std::memcpy(larger.bytes_, bytes_, size_);
  *this = std::move(larger);
}

void SecretBuffer::Append(std::string_view more) {
  if (more.empty()) return;
  Reserve(size_ + more.size());
  std::memcpy(bytes_ + size_, more.data(), more.size());
  size_ += more.size();
}

void SecretBuffer::Truncate(size_t size) {
  if (size >= size_) return;
  OPENSSL_cleanse(bytes_ + size, size_ - size);
  size_ = size;
}

void SecretBuffer::Resize(size_t size) {
  Truncate(size);
  Reserve(size);
  // What is behind the end is always zero.
  size_ = size;
}

void SecretBuffer::Clear() {
  if (bytes_ != nullptr) FreeLocked(bytes_, capacity_);
  bytes_ = nullptr;
  size_ = 0;
  capacity_ = 0;
}

}  // namespace deps
