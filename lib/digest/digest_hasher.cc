#include "lib/digest/digest_hasher.h"

#include <openssl/sha.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "lib/digest/sha256.h"

namespace deps {

struct DigestHasher::Context {
  bool is_sha512 = false;
  Sha256 sha256;
  SHA512_CTX sha512;
};

DigestHasher::DigestHasher(std::string_view like) : context_(std::make_unique<Context>()) {
  context_->is_sha512 = like.substr(0, 7) == "sha512:";
  SHA512_Init(&context_->sha512);
}

DigestHasher::~DigestHasher() = default;

void DigestHasher::Update(std::string_view data) {
  if (context_->is_sha512) {
    SHA512_Update(&context_->sha512, data.data(), data.size());
  } else {
    context_->sha256.Update(data);
  }
}

std::string DigestHasher::Digest() {
  if (!context_->is_sha512) return context_->sha256.Digest();
  uint8_t hash[SHA512_DIGEST_LENGTH];
  SHA512_Final(hash, &context_->sha512);
  return absl::StrCat("sha512:", absl::BytesToHexString(absl::string_view(
                                     reinterpret_cast<const char*>(hash), sizeof(hash))));
}

std::string DigestLike(std::string_view like, std::string_view data) {
  DigestHasher hasher(like);
  hasher.Update(data);
  return hasher.Digest();
}

}  // namespace deps
