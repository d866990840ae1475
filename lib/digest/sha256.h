// SHA-256, and digests as OCI spells them.
#ifndef DEPS_LIB_DIGEST_SHA256_H_
#define DEPS_LIB_DIGEST_SHA256_H_

#include <memory>
#include <string>
#include <string_view>

namespace deps {

// 64 lower-case hexadecimal digits.
std::string Sha256Hex(std::string_view data);

// "sha256:" and the hexadecimal digits.
std::string Sha256Digest(std::string_view data);

// Hashes what comes in parts.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(const Sha256&) = delete;
  Sha256& operator=(const Sha256&) = delete;
  void Update(std::string_view data);
  // The digest of all updates, "sha256:…". Call it once.
  std::string Digest();

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

// Whether `digest` is "sha256:" and 64 lower-case hexadecimal digits, or
// "sha512:" and 128: the only digests that may become part of a path or URL.
bool IsValidDigest(std::string_view digest);

}  // namespace deps

#endif  // DEPS_LIB_DIGEST_SHA256_H_
