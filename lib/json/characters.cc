#include "lib/json/characters.h"

#include <algorithm>
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

// The high bit of bytes that need a look; exact up to the first of them.
constexpr uint64_t Special(uint64_t word) {
  return Below(word, 0x20) | Below(word ^ Each('"'), 1) | Below(word ^ Each('\\'), 1) |
         (word & Each(0x80));
}

template <typename Word>
uint64_t WordAt(const char* at) {
  Word word = 0;
  std::memcpy(&word, at, sizeof(word));
  return word;
}

}  // namespace

const char* PlainEnd(const char* at, const char* end) {
  if constexpr (std::endian::native == std::endian::little) {
    for (; end - at >= 8; at += 8) {
      if (const uint64_t special = Special(WordAt<uint64_t>(at)); special != 0) {
        return at + std::countr_zero(special) / 8;
      }
    }
  }
  while (at != end && IsPlain(*at)) ++at;
  return at;
}

// Most strings are short. The last words overlap, so that no byte is looked at by
// itself.
bool IsPlain(std::string_view text) {
  const char* const begin = text.data();
  const char* const end = begin + text.size();
  if (text.size() >= 8) {
    uint64_t special = Special(WordAt<uint64_t>(end - 8));
    for (const char* at = begin; end - at > 8; at += 8) special |= Special(WordAt<uint64_t>(at));
    return special == 0;
  }
  if (text.size() >= 4) {
    return Special(WordAt<uint32_t>(begin) << 32 | WordAt<uint32_t>(end - 4)) == 0;
  }
  return std::all_of(begin, end, [](char c) { return IsPlain(c); });
}

}  // namespace json
}  // namespace deps
