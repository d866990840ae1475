// Bytes that must not outlive their use.
#ifndef DEPS_LIB_SECRETS_SECRET_BUFFER_H_
#define DEPS_LIB_SECRETS_SECRET_BUFFER_H_

#include <cstddef>
#include <string>
#include <string_view>

namespace deps {

// Holds a value in memory of its own (locked_memory.h), which is overwritten when
// the object goes or gets another value. It can be moved, copied only by Copy(), and has no
// operator<<: it reaches no message by accident.
class SecretBuffer {
 public:
  SecretBuffer() = default;
  explicit SecretBuffer(std::string_view value);
  // As above; overwrites `*value` and leaves it empty.
  static SecretBuffer Take(std::string* value);
  SecretBuffer(SecretBuffer&& other) noexcept;
  SecretBuffer& operator=(SecretBuffer&& other) noexcept;
  SecretBuffer(const SecretBuffer&) = delete;
  SecretBuffer& operator=(const SecretBuffer&) = delete;
  ~SecretBuffer();

  SecretBuffer Copy() const { return SecretBuffer(view()); }
  void Append(std::string_view more);
  // Shortens it to `size` bytes, which must not be more than it has.
  void Truncate(size_t size);
  // Shortens it, or adds NUL bytes.
  void Resize(size_t size);
  // Valid until the object changes or goes.
  std::string_view view() const { return {bytes_, size_}; }
  char* data() { return bytes_; }
  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }

 private:
  void Clear();
  void Reserve(size_t size);

  char* bytes_ = nullptr;
  size_t size_ = 0;
  size_t capacity_ = 0;
};

}  // namespace deps

#endif  // DEPS_LIB_SECRETS_SECRET_BUFFER_H_
