#include "lib/json/explain.h"

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "lib/diag/diagnostic.h"
#include "nlohmann/json.hpp"

namespace deps {
namespace json {
namespace {

// One array or object that is still open.
struct Open {
  bool is_object = false;
  size_t items = 0;            // Of an array: how many have begun.
  std::string key = {};        // Of an object: the last one.
  bool expects_value = false;  // A key was read, its value was not.
  absl::flat_hash_set<std::string> keys = {};
};

// Finds where each token begins. The parser tells what it read, not where; but
// between two tokens it reports there are only white space, commas and colons.
class Cursor {
 public:
  explicit Cursor(std::string_view text) : text_(text) {}

  size_t NextStart() const {
    return std::min(text_.find_first_not_of(" \t\r\n,:", end_), text_.size());
  }

  // Steps over one token of the given form; returns where it begins.
  size_t Step(size_t size) {
    const size_t start = NextStart();
    end_ = start + size;
    return start;
  }
  size_t StepString() {
    const size_t start = NextStart();
    end_ = start + 1;
    while (text_[end_] != '"') end_ += text_[end_] == '\\' ? 2 : 1;
    ++end_;
    return start;
  }
  size_t StepNumber() {
    const size_t start = NextStart();
    end_ = std::min(text_.find_first_not_of("+-.0123456789Ee", start), text_.size());
    return start;
  }
  size_t end() const { return end_; }

 private:
  std::string_view text_;
  size_t end_ = 0;
};

// "[json.exception.parse_error.101] parse error at line 1, column 2: syntax
// error while …" without what the location says anyway.
std::string MessageOf(std::string_view what) {
  if (const size_t bracket = what.find("] "); bracket != std::string_view::npos) {
    what.remove_prefix(bracket + 2);
  }
  if (what.substr(0, 14) == "parse error at") {
    if (const size_t colon = what.find(": "); colon != std::string_view::npos) {
      what.remove_prefix(colon + 2);
    }
  }
  return std::string(what);
}

// Follows the library's parser to the first error.
class Listener : public nlohmann::json_sax<nlohmann::json> {
 public:
  Listener(const Source& source, const ParseLimits& limits)
      : source_(source), limits_(limits), cursor_(source.text) {}

  bool null() override { return Step(4); }
  bool boolean(bool boolean) override { return Step(boolean ? 4 : 5); }
  bool number_integer(number_integer_t) override { return Number(); }
  bool number_unsigned(number_unsigned_t) override { return Number(); }
  bool number_float(number_float_t, const string_t&) override { return Number(); }
  bool string(string_t&) override {
    Begin();
    cursor_.StepString();
    return true;
  }
  bool binary(binary_t&) override { return false; }  // Not in JSON texts.

  bool start_object(size_t) override { return Enter(/*is_object=*/true); }
  bool start_array(size_t) override { return Enter(/*is_object=*/false); }
  bool end_object() override { return Leave(); }
  bool end_array() override { return Leave(); }

  bool key(string_t& key) override {
    const size_t start = cursor_.StepString();
    if (!open_.back().keys.insert(key).second) {
      const std::string pointer = absl::StrCat(Pointer(), PointerStep(key));
      status_ = MakeError({.id = DiagnosticId::kJsonDuplicateKey,
                           .message = absl::StrCat("the key '", key, "' occurs twice"),
                           .location = source_.At(start, pointer)});
      return false;
    }
    open_.back().key = std::move(key);
    open_.back().expects_value = true;
    return true;
  }

  bool parse_error(size_t position, const std::string&,
                   const nlohmann::detail::exception& error) override {
    // A number out of range is told where it begins, the rest where it ends.
    const size_t offset = error.id == 406 ? cursor_.NextStart() : std::max<size_t>(position, 1) - 1;
    status_ = MakeError({.id = DiagnosticId::kJsonSyntax,
                         .message = MessageOf(error.what()),
                         .location = source_.At(offset, Pointer())});
    return false;
  }

  absl::Status status() const { return status_; }

 private:
  // A value begins.
  void Begin() {
    if (open_.empty()) return;
    ++open_.back().items;
    open_.back().expects_value = false;
  }
  bool Step(size_t size) {
    Begin();
    cursor_.Step(size);
    return true;
  }
  bool Number() {
    Begin();
    cursor_.StepNumber();
    return true;
  }

  bool Enter(bool is_object) {
    const size_t start = cursor_.Step(1);
    if (open_.size() >= static_cast<size_t>(limits_.depth)) {
      status_ = MakeError({.id = DiagnosticId::kJsonDepth,
                           .message = absl::StrCat("arrays and objects are nested more than ",
                                                   limits_.depth, " deep"),
                           .location = source_.At(start, Pointer())});
      return false;
    }
    Begin();
    open_.push_back({.is_object = is_object});
    return true;
  }

  bool Leave() {
    cursor_.Step(1);
    open_.pop_back();
    return true;
  }

  // Of the innermost value that has begun.
  std::string Pointer() const {
    std::string pointer;
    for (size_t i = 0; i < open_.size(); ++i) {
      const Open& open = open_[i];
      const bool is_last = i + 1 == open_.size();
      if (open.is_object) {
        if (!is_last || open.expects_value) pointer += PointerStep(open.key);
      } else if (!is_last) {
        pointer += PointerStep(open.items - 1);
      }
    }
    return pointer;
  }

  const Source& source_;
  const ParseLimits limits_;
  Cursor cursor_;
  std::vector<Open> open_;
  absl::Status status_;
};

}  // namespace

absl::Status Explain(const Source& source, const ParseLimits& limits) {
  // As a command reads it whose predecessor in a pipeline failed.
  if (source.text.find_first_not_of(" \t\r\n") == std::string::npos) {
    return MakeError({.id = DiagnosticId::kJsonSyntax,
                      .message = "expected a JSON text, and there is none",
                      .location = {.file = source.name},
                      .hint = "if it comes from another command, look at what that one says"});
  }
  // The library would skip it.
  if (source.text.compare(0, 3, "\xEF\xBB\xBF") == 0) {
    return MakeError({.id = DiagnosticId::kJsonSyntax,
                      .message = "a byte order mark stands before the JSON text",
                      .location = source.At(0)});
  }
  // The library would take it for the end.
  if (const size_t zero = source.text.find('\0'); zero != std::string::npos) {
    return MakeError({.id = DiagnosticId::kJsonSyntax,
                      .message = "a zero byte is no part of a JSON text",
                      .location = source.At(zero)});
  }
  Listener listener(source, limits);
  const bool is_json = nlohmann::json::sax_parse(source.text, &listener);
  if (is_json || listener.status().ok()) {
    return MakeError({.id = DiagnosticId::kJsonSyntax,
                      .message = "the text is no JSON",
                      .location = {.file = source.name}});
  }
  return listener.status();
}

}  // namespace json
}  // namespace deps
