// Steps through a JSON text without making anything of it. What Parse builds
// values with, and what large documents are read with, of which only parts are
// wanted.
//
// Exactly as strict as json::Parse: UTF-8, no duplicate keys, numbers within the
// range of a double, a limit of depth. It does not say what is wrong: a caller
// that is refused asks Parse for that.
//
// No library of Debian 12 takes its place: nlohmann/json is several times slower than an
// Index of 10^5 bundles needs (scripts/bench index), and simdjson tells neither keys that
// occur twice nor how a number is spelled. RapidJSON had its last release in 2016, and leaves
// duplicate keys, depth and the limits of numbers to be written here all the same.
#ifndef DEPS_LIB_JSON_SCANNER_H_
#define DEPS_LIB_JSON_SCANNER_H_

#include <cstddef>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "lib/json/json.h"

namespace deps {
namespace json {

// Each call reads what comes next and returns false where that is not there.
// After false nothing more may be asked.
//
//   Scanner scanner(text);
//   std::string name;
//   const bool ok = scanner.Object([&](std::string_view key) {
//     return key == "name" ? scanner.String(&name) : scanner.Skip();
//   }) && scanner.AtEnd();
//
// Time: O(size), about a nanosecond a byte.
class Scanner {
 public:
  // `text` must outlive the scanner and what it gives away.
  explicit Scanner(std::string_view text, int depth = ParseLimits().depth)
      : begin_(text.data()), at_(begin_), end_(begin_ + text.size()), room_(depth) {}

  // Where the next value or bracket begins.
  size_t Offset() {
    SkipSpace();
    return static_cast<size_t>(at_ - begin_);
  }
  // What the next value is by its first character; it may be malformed yet.
  // kNull where nothing is left or nothing begins so.
  Kind Next();

  bool Null() { return Literal("null"); }
  bool Boolean(bool* out);
  // The spelling.
  bool Number(std::string_view* out);
  bool String(std::string* out);
  // `member(key)` must read the value. The key is there until it returns.
  template <typename F>
  bool Object(F member);
  // `item()` must read a value.
  template <typename F>
  bool Array(F item);

  // Any value; `text` is what stands there.
  bool Skip(std::string_view* text = nullptr);

  // Whether only white space is left.
  bool AtEnd() {
    SkipSpace();
    return at_ == end_;
  }

 private:
  // Of one object that is open, in keys_ from `first` on.
  struct Keys {
    size_t first;
    absl::flat_hash_set<std::string_view> many = {};
  };

  void SkipSpace() {
    while (at_ != end_ && (*at_ == ' ' || *at_ == '\n' || *at_ == '\r' || *at_ == '\t')) ++at_;
  }
  bool Take(char c) {
    SkipSpace();
    if (at_ == end_ || *at_ != c) return false;
    ++at_;
    return true;
  }
  bool Literal(std::string_view word);
  // What is between the quotes, as it is spelled.
  bool RawString(std::string_view* raw, bool* has_escapes);
  bool Escape();
  bool Hex4(unsigned* out);
  size_t Digits();
  bool Key(Keys* keys);
  bool IsNew(std::string_view key, Keys* keys) const;

  const char* const begin_;
  const char* at_;
  const char* const end_;
  int room_;                            // Brackets that may still be opened.
  std::vector<std::string_view> keys_;  // Of all objects that are open.
  std::deque<std::string> unescaped_;   // Keys that are spelled otherwise.
};

template <typename F>
bool Scanner::Object(F member) {
  if (!Take('{') || --room_ < 0) return false;
  Keys keys{.first = keys_.size()};
  if (!Take('}')) {
    do {
      if (!Key(&keys) || !Take(':') || !member(keys_.back())) return false;
    } while (Take(','));
    if (!Take('}')) return false;
  }
  keys_.resize(keys.first);
  ++room_;
  return true;
}

template <typename F>
bool Scanner::Array(F item) {
  if (!Take('[') || --room_ < 0) return false;
  if (!Take(']')) {
    do {
      if (!item()) return false;
    } while (Take(','));
    if (!Take(']')) return false;
  }
  ++room_;
  return true;
}

}  // namespace json
}  // namespace deps

#endif  // DEPS_LIB_JSON_SCANNER_H_
