#include "lib/json/scanner.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>

#include "lib/json/characters.h"
#include "lib/text/utf8.h"

namespace deps {
namespace json {
namespace {

// Up to this many keys of an object are compared one by one.
constexpr size_t kFewMembers = 16;
// A number of fewer characters without exponent is within the range of a double.
constexpr size_t kPlainNumber = 300;

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

void AppendUtf8(unsigned code, std::string* out) {
  const auto add = [&](unsigned byte) { out->push_back(static_cast<char>(byte)); };
  if (code < 0x80) {
    add(code);
  } else if (code < 0x800) {
    add(0xC0 | code >> 6);
    add(0x80 | (code & 0x3F));
  } else if (code < 0x10000) {
    add(0xE0 | code >> 12);
    add(0x80 | (code >> 6 & 0x3F));
    add(0x80 | (code & 0x3F));
  } else {
    add(0xF0 | code >> 18);
    add(0x80 | (code >> 12 & 0x3F));
    add(0x80 | (code >> 6 & 0x3F));
    add(0x80 | (code & 0x3F));
  }
}

unsigned HexValue(char c) {
  if (IsDigit(c)) return static_cast<unsigned>(c - '0');
  return static_cast<unsigned>((c | 0x20) - 'a' + 10);
}

unsigned HexValue(std::string_view four) {
  unsigned value = 0;
  for (const char c : four) value = value << 4 | HexValue(c);
  return value;
}

char Unescaped(char c) {
  switch (c) {
    case 'b':
      return '\b';
    case 'f':
      return '\f';
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    default:
      return c;
  }
}

// `raw` was checked.
void Unescape(std::string_view raw, std::string* out) {
  out->clear();
  for (size_t i = 0; i < raw.size();) {
    const size_t escape = std::min(raw.find('\\', i), raw.size());
    out->append(raw.substr(i, escape - i));
    if (escape == raw.size()) return;
    if (raw[escape + 1] != 'u') {
      out->push_back(Unescaped(raw[escape + 1]));
      i = escape + 2;
      continue;
    }
    unsigned code = HexValue(raw.substr(escape + 2, 4));
    i = escape + 6;
    if (code >= 0xD800 && code < 0xDC00) {
      code = 0x10000 + ((code - 0xD800) << 10) + (HexValue(raw.substr(i + 2, 4)) - 0xDC00);
      i += 6;
    }
    AppendUtf8(code, out);
  }
}

}  // namespace

Kind Scanner::Next() {
  SkipSpace();
  if (at_ == end_) return Kind::kNull;
  switch (*at_) {
    case '{':
      return Kind::kObject;
    case '[':
      return Kind::kArray;
    case '"':
      return Kind::kString;
    case 't':
    case 'f':
      return Kind::kBoolean;
    default:
      return *at_ == '-' || IsDigit(*at_) ? Kind::kNumber : Kind::kNull;
  }
}

bool Scanner::Literal(std::string_view word) {
  SkipSpace();
  if (static_cast<size_t>(end_ - at_) < word.size()) return false;
  if (std::memcmp(at_, word.data(), word.size()) != 0) return false;
  at_ += word.size();
  return true;
}

bool Scanner::Boolean(bool* out) {
  SkipSpace();
  *out = at_ != end_ && *at_ == 't';
  return Literal(*out ? "true" : "false");
}

size_t Scanner::Digits() {
  const char* const start = at_;
  while (at_ != end_ && IsDigit(*at_)) ++at_;
  return static_cast<size_t>(at_ - start);
}

bool Scanner::Number(std::string_view* out) {
  SkipSpace();
  const char* const start = at_;
  if (at_ != end_ && *at_ == '-') ++at_;
  const bool zero = at_ != end_ && *at_ == '0';
  const size_t whole = Digits();
  if (whole == 0 || (zero && whole > 1)) return false;
  if (at_ != end_ && *at_ == '.') {
    ++at_;
    if (Digits() == 0) return false;
  }
  bool is_plain = at_ - start < static_cast<ptrdiff_t>(kPlainNumber);
  if (at_ != end_ && (*at_ == 'e' || *at_ == 'E')) {
    is_plain = false;
    ++at_;
    if (at_ != end_ && (*at_ == '+' || *at_ == '-')) ++at_;
    if (Digits() == 0) return false;
  }
  *out = std::string_view(start, static_cast<size_t>(at_ - start));
  return is_plain || std::isfinite(std::strtod(std::string(*out).c_str(), nullptr));
}

bool Scanner::Hex4(unsigned* out) {
  if (end_ - at_ < 4) return false;
  const std::string_view four(at_, 4);
  for (const char c : four) {
    if (!IsDigit(c) && !((c | 0x20) >= 'a' && (c | 0x20) <= 'f')) return false;
  }
  *out = HexValue(four);
  at_ += 4;
  return true;
}

// After the backslash.
bool Scanner::Escape() {
  if (at_ == end_) return false;
  const char c = *at_++;
  if (c != 'u') return c != '\0' && std::strchr("\"\\/bfnrt", c) != nullptr;
  unsigned code = 0;
  if (!Hex4(&code) || (code >= 0xDC00 && code < 0xE000)) return false;
  if (code < 0xD800 || code >= 0xDC00) return true;
  if (end_ - at_ < 2 || at_[0] != '\\' || at_[1] != 'u') return false;
  at_ += 2;
  return Hex4(&code) && code >= 0xDC00 && code < 0xE000;
}

bool Scanner::RawString(std::string_view* raw, bool* has_escapes) {
  if (!Take('"')) return false;
  const char* const start = at_;
  *has_escapes = false;
  while (true) {
    at_ = PlainEnd(at_, end_);
    if (at_ == end_) return false;
    if (*at_ == '"') break;
    if (*at_ == '\\') {
      *has_escapes = true;
      ++at_;
      if (!Escape()) return false;
    } else {
      const size_t size = Utf8Length(std::string_view(at_, static_cast<size_t>(end_ - at_)));
      if (size < 2) return false;  // A control character, or no UTF-8.
      at_ += size;
    }
  }
  *raw = std::string_view(start, static_cast<size_t>(at_ - start));
  ++at_;
  return true;
}

bool Scanner::String(std::string* out) {
  std::string_view raw;
  bool has_escapes = false;
  if (!RawString(&raw, &has_escapes)) return false;
  if (has_escapes) {
    Unescape(raw, out);
  } else {
    out->assign(raw);
  }
  return true;
}

bool Scanner::IsNew(std::string_view key, Keys* keys) const {
  const auto first = keys_.begin() + static_cast<ptrdiff_t>(keys->first);
  if (keys_.size() - keys->first < kFewMembers) {
    return std::find(first, keys_.end(), key) == keys_.end();
  }
  if (keys->many.empty()) keys->many.insert(first, keys_.end());
  return keys->many.insert(key).second;
}

bool Scanner::Key(Keys* keys) {
  std::string_view key;
  bool has_escapes = false;
  if (!RawString(&key, &has_escapes)) return false;
  if (has_escapes) {
    Unescape(key, &unescaped_.emplace_back());
    key = unescaped_.back();
  }
  if (!IsNew(key, keys)) return false;
  keys_.push_back(key);
  return true;
}

bool Scanner::Skip(std::string_view* text) {
  SkipSpace();
  const char* const start = at_;
  bool is_there = false;
  std::string_view spelling;
  bool flag = false;
  switch (Next()) {
    case Kind::kObject:
      is_there = Object([this](std::string_view) { return Skip(); });
      break;
    case Kind::kArray:
      is_there = Array([this] { return Skip(); });
      break;
    case Kind::kString:
      is_there = RawString(&spelling, &flag);
      break;
    case Kind::kNumber:
      is_there = Number(&spelling);
      break;
    case Kind::kBoolean:
      is_there = Boolean(&flag);
      break;
    case Kind::kNull:
      is_there = Null();
      break;
  }
  if (text != nullptr) *text = std::string_view(start, static_cast<size_t>(at_ - start));
  return is_there;
}

}  // namespace json
}  // namespace deps
