#include "lib/secrets/redactor.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_split.h"

namespace deps {
namespace {

constexpr size_t kShortest = 4;
constexpr std::string_view kHex = "0123456789abcdef";
constexpr std::string_view kHexUpper = "0123456789ABCDEF";
constexpr std::string_view kBase64 =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view kBase64Url =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

void Put(char c, SecretBuffer* out) { out->Append({&c, 1}); }

// The digits that `value` alone decides where `skipped` bytes (0 to 2) are
// before it in a group of three; where `ends`, nothing comes behind it.
SecretBuffer Base64Of(std::string_view value, size_t skipped, bool ends, std::string_view digits) {
  SecretBuffer out;
  const size_t bits = 8 * value.size();
  const auto bit = [&](size_t i) {
    return (static_cast<unsigned char>(value[i / 8]) >> (7 - i % 8)) & 1u;
  };
  // The first digit that begins within the value.
  for (size_t at = (6 - 8 * skipped % 6) % 6; ends ? at < bits : at + 6 <= bits; at += 6) {
    size_t digit = 0;
    for (size_t i = 0; i < 6; ++i) digit = digit << 1 | (at + i < bits ? bit(at + i) : 0);
    Put(digits[digit], &out);
  }
  return out;
}

SecretBuffer HexOf(std::string_view value, std::string_view digits) {
  SecretBuffer out;
  for (const unsigned char c : value) {
    Put(digits[c >> 4], &out);
    Put(digits[c & 15], &out);
  }
  return out;
}

bool IsUnreserved(char c) {
  return absl::ascii_isalnum(c) || c == '-' || c == '_' || c == '.' || c == '~';
}

SecretBuffer PercentEncoded(std::string_view value, std::string_view digits,
                            std::string_view also_plain) {
  SecretBuffer out;
  for (const char c : value) {
    const unsigned char byte = static_cast<unsigned char>(c);
    if (IsUnreserved(c) || also_plain.find(c) != std::string_view::npos) {
      Put(c, &out);
    } else {
      Put('%', &out);
      Put(digits[byte >> 4], &out);
      Put(digits[byte & 15], &out);
    }
  }
  return out;
}

SecretBuffer JsonEscaped(std::string_view value) {
  SecretBuffer out;
  for (const char c : value) {
    const size_t control = std::string_view("\b\f\n\r\t\"\\").find(c);
    if (control != std::string_view::npos) {
      Put('\\', &out);
      Put("bfnrt\"\\"[control], &out);
    } else if (static_cast<unsigned char>(c) < 0x20) {
      out.Append("\\u00");
      Put(kHex[static_cast<unsigned char>(c) >> 4], &out);
      Put(kHex[c & 15], &out);
    } else {
      Put(c, &out);
    }
  }
  return out;
}

}  // namespace

void Redactor::AddPattern(std::string_view pattern) {
  if (pattern.size() < kShortest) return;
  std::vector<SecretBuffer>& same = patterns_[static_cast<unsigned char>(pattern[0])];
  auto place = same.begin();
  while (place != same.end() && place->size() > pattern.size()) ++place;
  for (auto other = place; other != same.end() && other->size() == pattern.size(); ++other) {
    if (other->view() == pattern) return;
  }
  same.insert(place, SecretBuffer(pattern));
}

void Redactor::AddForms(std::string_view value) {
  if (value.size() < kShortest) return;
  AddPattern(value);
  for (const std::string_view digits : {kBase64, kBase64Url}) {
    for (size_t skipped = 0; skipped < 3; ++skipped) {
      AddPattern(Base64Of(value, skipped, false, digits).view());
      SecretBuffer encoded = Base64Of(value, skipped, true, digits);
      AddPattern(encoded.view());
      for (size_t bytes = skipped + value.size(); bytes % 3 != 0; ++bytes) encoded.Append("=");
      AddPattern(encoded.view());
      if (skipped > 0) continue;
      for (const size_t width : {size_t{64}, size_t{76}}) {
        for (size_t at = 0; encoded.size() > width && at < encoded.size(); at += width) {
          AddPattern(encoded.view().substr(at, width));
        }
      }
    }
  }
  for (const std::string_view digits : {kHex, kHexUpper}) {
    AddPattern(HexOf(value, digits).view());
    AddPattern(PercentEncoded(value, digits, "").view());
    AddPattern(PercentEncoded(value, digits, "/").view());
    // As a browser leaves what a component of a URL may hold.
    AddPattern(PercentEncoded(value, digits, "!'()*").view());
  }
  AddPattern(JsonEscaped(value).view());
}

void Redactor::Add(std::string_view value) {
  AddForms(value);
  AddForms(absl::StripAsciiWhitespace(value));
  for (const std::string_view line : absl::StrSplit(value, absl::ByAnyChar("\r\n"))) {
    AddForms(absl::StripAsciiWhitespace(line));
  }
}

std::string Redactor::Write(std::string_view text) {
  pending_.Append(text);
  return Drain(false);
}

std::string Redactor::Finish() { return Drain(true); }

std::string Redactor::Drain(bool all) {
  std::string out;
  const std::string_view text = pending_.view();
  size_t plain = 0;  // From here on nothing is in `out` yet.
  size_t at = 0;
  while (at < text.size()) {
    const auto& patterns = patterns_[static_cast<unsigned char>(text[at])];
    if (patterns.empty()) {
      ++at;
      continue;
    }
    const std::string_view rest = text.substr(at);
    size_t matched = 0;
    bool may_match = false;
    for (const SecretBuffer& pattern : patterns) {
      if (absl::StartsWith(rest, pattern.view())) {
        matched = pattern.size();
        break;
      }
      // A longer value may still turn out to be there.
      if (!all && absl::StartsWith(pattern.view(), rest)) {
        may_match = true;
        break;
      }
    }
    if (may_match) break;
    if (matched == 0) {
      ++at;
      continue;
    }
    out += text.substr(plain, at - plain);
    out += kRedacted;
    at += matched;
    plain = at;
  }
  out += text.substr(plain, at - plain);
  pending_ = SecretBuffer(text.substr(at));
  return out;
}

}  // namespace deps
