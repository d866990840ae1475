#include "lib/json/characters.h"

#include <bit>
#include <cstdint>
#include <cstring>

namespace deps {
namespace json {
namespace {

// Whether a byte of a string needs no look: neither quote, backslash, control
// character nor part of a character beyond ASCII.
bool IsPlain(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte >= 0x20 && byte < 0x80 && byte != '"' && byte != '\\';
}

constexpr uint64_t Each(uint64_t byte) { return byte * 0x0101010101010101; }

// The high bit of bytes that are below `limit`, at most 0x80; exact up to the
// first of them.
constexpr uint64_t Below(uint64_t word, uint64_t limit) {
  return (word - Each(limit)) & ~word & Each(0x80);
}

}  // namespace

const char* PlainEnd(const char* at, const char* end) {
  if constexpr (std::endian::native == std::endian::little) {
    for (; end - at >= 8; at += 8) {
      uint64_t word = 0;
      std::memcpy(&word, at, sizeof(word));
      const uint64_t special = Below(word, 0x20) | Below(word ^ Each('"'), 1) |
                               Below(word ^ Each('\\'), 1) | (word & Each(0x80));
      if (special != 0) return at + std::countr_zero(special) / 8;
    }
  }
  while (at != end && IsPlain(*at)) ++at;
  return at;
}

size_t Utf8Length(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return 1;
  const size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || text.size() < length) return 0;
  const unsigned char low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
  const unsigned char high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
  if (byte(1) < low || byte(1) > high) return 0;
  for (size_t i = 2; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return 0;
  }
  return length;
}

}  // namespace json
}  // namespace deps
