#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "lib/json/json.h"
#include "nlohmann/json.hpp"

namespace deps {
namespace json {
namespace {

// Up to this many keys of an object are compared one by one.
constexpr size_t kFewMembers = 16;

// One array or object that is still open. `value` stays valid: while it is open
// nothing is added to what holds it.
struct Open {
  Value* value;
  absl::flat_hash_set<std::string> keys;  // Used beyond kFewMembers.
  bool expects_value = false;             // A key was read, its value was not.
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

class Builder : public nlohmann::json_sax<nlohmann::json> {
 public:
  Builder(const Source& source, const ParseLimits& limits)
      : source_(source), limits_(limits), cursor_(source.text) {}

  bool null() override {
    Add(Value::Null(), cursor_.Step(4));
    return true;
  }
  bool boolean(bool boolean) override {
    Add(Value::Boolean(boolean), cursor_.Step(boolean ? 4 : 5));
    return true;
  }
  bool number_integer(number_integer_t) override { return AddNumber(); }
  bool number_unsigned(number_unsigned_t) override { return AddNumber(); }
  bool number_float(number_float_t, const string_t&) override { return AddNumber(); }
  bool string(string_t& text) override {
    Value value;
    value.kind = Kind::kString;
    value.text = std::move(text);
    Add(std::move(value), cursor_.StepString());
    return true;
  }
  bool binary(binary_t&) override { return false; }  // Not in JSON texts.

  bool start_object(size_t) override { return Enter(Value::Object()); }
  bool start_array(size_t) override { return Enter(Value::Array()); }
  bool end_object() override { return Leave(); }
  bool end_array() override { return Leave(); }

  bool key(string_t& key) override {
    const size_t start = cursor_.StepString();
    Open& open = open_.back();
    if (IsDuplicate(open, key)) {
      const std::string pointer = absl::StrCat(Pointer(), PointerStep(key));
      status_ = MakeError({.id = DiagnosticId::kJsonDuplicateKey,
                           .message = absl::StrCat("the key '", key, "' occurs twice"),
                           .location = source_.At(start, pointer)});
      return false;
    }
    open.value->members.emplace_back(std::move(key), Value());
    open.expects_value = true;
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
  Value TakeRoot() { return std::move(root_); }

 private:
  Value* Add(Value value, size_t offset) {
    value.offset = offset;
    if (open_.empty()) {
      root_ = std::move(value);
      return &root_;
    }
    Open& open = open_.back();
    if (open.value->kind == Kind::kArray) {
      open.value->items.push_back(std::move(value));
      return &open.value->items.back();
    }
    open.expects_value = false;
    open.value->members.back().second = std::move(value);
    return &open.value->members.back().second;
  }

  bool AddNumber() {
    Value value;
    value.kind = Kind::kNumber;
    const size_t start = cursor_.StepNumber();
    value.text = source_.text.substr(start, cursor_.end() - start);
    Add(std::move(value), start);
    return true;
  }

  bool Enter(Value container) {
    const size_t start = cursor_.Step(1);
    if (open_.size() >= static_cast<size_t>(limits_.depth)) {
      status_ = MakeError({.id = DiagnosticId::kJsonDepth,
                           .message = absl::StrCat("arrays and objects are nested more than ",
                                                   limits_.depth, " deep"),
                           .location = source_.At(start, Pointer())});
      return false;
    }
    open_.push_back({.value = Add(std::move(container), start), .keys = {}});
    return true;
  }

  bool Leave() {
    cursor_.Step(1);
    open_.pop_back();
    return true;
  }

  static bool IsDuplicate(Open& open, const std::string& key) {
    const std::vector<Member>& members = open.value->members;
    if (members.size() < kFewMembers) return open.value->Find(key) != nullptr;
    if (open.keys.empty()) {
      for (const Member& member : members) open.keys.insert(member.first);
    }
    return !open.keys.insert(key).second;
  }

  // Of the innermost value that has begun.
  std::string Pointer() const {
    std::string pointer;
    for (size_t i = 0; i < open_.size(); ++i) {
      const Value& value = *open_[i].value;
      const bool is_last = i + 1 == open_.size();
      if (value.kind == Kind::kObject) {
        if (!is_last || open_[i].expects_value) pointer += PointerStep(value.members.back().first);
      } else if (!is_last) {
        pointer += PointerStep(value.items.size() - 1);
      }
    }
    return pointer;
  }

  const Source& source_;
  const ParseLimits limits_;
  Cursor cursor_;
  Value root_;
  std::vector<Open> open_;
  absl::Status status_;
};

}  // namespace

absl::StatusOr<Value> Parse(const Source& source, const ParseLimits& limits) {
  if (source.text.size() > limits.bytes) {
    return MakeError({.id = DiagnosticId::kInputTooLarge,
                      .message = absl::StrCat("more than ", limits.bytes, " bytes of JSON"),
                      .location = {.file = source.name}});
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
  Builder builder(source, limits);
  if (!nlohmann::json::sax_parse(source.text, &builder)) {
    return builder.status();
  }
  return builder.TakeRoot();
}

}  // namespace json
}  // namespace deps
