#include "lib/digest/sha256.h"

#include <openssl/sha.h>

#include <algorithm>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace deps {
namespace {

std::string Hex(const uint8_t (&hash)[SHA256_DIGEST_LENGTH]) {
  return absl::BytesToHexString(
      absl::string_view(reinterpret_cast<const char*>(hash), SHA256_DIGEST_LENGTH));
}

bool IsLowerHex(std::string_view text, size_t length) {
  return text.size() == length && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

}  // namespace

std::string Sha256Hex(std::string_view data) {
  uint8_t hash[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const uint8_t*>(data.data()), data.size(), hash);
  return Hex(hash);
}

std::string Sha256Digest(std::string_view data) { return absl::StrCat("sha256:", Sha256Hex(data)); }

struct Sha256::Context {
  SHA256_CTX sha;
};

Sha256::Sha256() : context_(std::make_unique<Context>()) { SHA256_Init(&context_->sha); }

Sha256::~Sha256() = default;

void Sha256::Update(std::string_view data) {
  SHA256_Update(&context_->sha, data.data(), data.size());
}

std::string Sha256::Digest() {
  uint8_t hash[SHA256_DIGEST_LENGTH];
  SHA256_Final(hash, &context_->sha);
  return absl::StrCat("sha256:", Hex(hash));
}

bool IsValidDigest(std::string_view digest) {
  constexpr std::string_view kSha256 = "sha256:";
  constexpr std::string_view kSha512 = "sha512:";
  if (digest.substr(0, kSha256.size()) == kSha256) {
    return IsLowerHex(digest.substr(kSha256.size()), 64);
  }
  if (digest.substr(0, kSha512.size()) == kSha512) {
    return IsLowerHex(digest.substr(kSha512.size()), 128);
  }
  return false;
}

}  // namespace deps
