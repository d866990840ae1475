// Digests by the algorithm that another digest has: SHA-256 or SHA-512.
#ifndef DEPS_LIB_DIGEST_DIGEST_HASHER_H_
#define DEPS_LIB_DIGEST_DIGEST_HASHER_H_

#include <memory>
#include <string>
#include <string_view>

namespace deps {

// Hashes what comes in parts by the algorithm of `like`, a valid digest.
class DigestHasher {
 public:
  explicit DigestHasher(std::string_view like);
  ~DigestHasher();
  DigestHasher(const DigestHasher&) = delete;
  DigestHasher& operator=(const DigestHasher&) = delete;
  void Update(std::string_view data);
  // The digest of all updates, "sha256:…" or "sha512:…". Call it once.
  std::string Digest();

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

// The digest of `data` by the algorithm of `like`, a valid digest.
std::string DigestLike(std::string_view like, std::string_view data);

}  // namespace deps

#endif  // DEPS_LIB_DIGEST_DIGEST_HASHER_H_
