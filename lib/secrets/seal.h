// Sealed boxes: values that may lie on a disk, because the key lies elsewhere.
#ifndef DEPS_LIB_SECRETS_SEAL_H_
#define DEPS_LIB_SECRETS_SEAL_H_

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "lib/secrets/secret_buffer.h"

namespace deps {

// 32 random bytes in a file of mode 0600.
class SealKey {
 public:
  // Errors: secret-unavailable, also where others may read the file.
  static absl::StatusOr<SealKey> Read(const std::string& path);
  // Makes the file, and the folders that it lies in, where there is none; of several processes that
  // do so at the same time one makes it and the others read it.
  static absl::StatusOr<SealKey> ReadOrCreate(const std::string& path);

  // XChaCha20-Poly1305 under a random nonce: a version byte, nonce, ciphertext
  // and tag. `context` is authenticated with it: a box that is moved to another
  // place does not open.
  absl::StatusOr<std::string> Seal(std::string_view value, std::string_view context) const;
  // Errors: secret-unavailable where key, context or box are not those of Seal.
  absl::StatusOr<SecretBuffer> Open(std::string_view box, std::string_view context) const;

 private:
  explicit SealKey(SecretBuffer key) : key_(std::move(key)) {}
  SecretBuffer key_;
};

}  // namespace deps

#endif  // DEPS_LIB_SECRETS_SEAL_H_
