#include "lib/secrets/secret_buffer.h"

#include <openssl/mem.h>

#include <algorithm>
#include <cstring>
#include <utility>

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
  bytes_ = std::move(other.bytes_);
  size_ = std::exchange(other.size_, 0);
  capacity_ = std::exchange(other.capacity_, 0);
  return *this;
}

SecretBuffer::~SecretBuffer() { Clear(); }

void SecretBuffer::Append(std::string_view more) {
  if (more.empty()) return;
  if (size_ + more.size() > capacity_) {
    SecretBuffer larger;
    larger.capacity_ = std::max(size_ + more.size(), 2 * capacity_);
    larger.bytes_ = std::make_unique<char[]>(larger.capacity_);
    larger.size_ = size_;
    if (size_ > 0) std::memcpy(larger.bytes_.get(), bytes_.get(), size_);
    *this = std::move(larger);
  }
  std::memcpy(bytes_.get() + size_, more.data(), more.size());
  size_ += more.size();
}

void SecretBuffer::Truncate(size_t size) {
  if (size >= size_) return;
  OPENSSL_cleanse(bytes_.get() + size, size_ - size);
  size_ = size;
}

void SecretBuffer::Clear() {
  if (bytes_ != nullptr) OPENSSL_cleanse(bytes_.get(), capacity_);
  bytes_.reset();
  size_ = 0;
  capacity_ = 0;
}

}  // namespace deps
