#include "lib/state/ulid.h"

#include <openssl/rand.h>
#include <openssl/sha.h>

#include <cstdint>

#include "absl/time/clock.h"

namespace deps {
namespace {

constexpr std::string_view kDigits = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
constexpr size_t kLength = 26;

// `bytes` holds 16; the first six become the time.
std::string Spelled(absl::Time time, uint8_t* bytes) {
  const uint64_t milliseconds = static_cast<uint64_t>(absl::ToUnixMillis(time));
  for (int i = 0; i < 6; ++i) bytes[i] = static_cast<uint8_t>(milliseconds >> (8 * (5 - i)));
  // 26 digits of 5 bits hold 130: the first digit has two zeros in front.
  std::string text(kLength, '0');
  for (size_t i = 0; i < kLength; ++i) {
    int digit = 0;
    for (size_t bit = 0; bit < 5; ++bit) {
      const size_t position = 5 * i + bit;
      digit = 2 * digit;
      if (position >= 2) digit += bytes[(position - 2) / 8] >> (7 - (position - 2) % 8) & 1;
    }
    text[i] = kDigits[digit];
  }
  return text;
}

}  // namespace

std::string NewUlid() {
  uint8_t bytes[16];
  RAND_bytes(bytes, sizeof(bytes));
  return Spelled(absl::Now(), bytes);
}

std::string UlidOf(absl::Time time, std::string_view seed) {
  uint8_t bytes[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const uint8_t*>(seed.data()), seed.size(), bytes);
  return Spelled(time, bytes);
}

bool IsUlid(std::string_view text) {
  return text.size() == kLength && text.find_first_not_of(kDigits) == std::string_view::npos;
}

std::string NowText() {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", absl::Now(), absl::UTCTimeZone());
}

}  // namespace deps
