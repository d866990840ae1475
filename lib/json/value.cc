#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "lib/json/json.h"

namespace deps {
namespace json {

namespace {

constexpr size_t kUsualMembers = 8;

}  // namespace

std::string_view KindName(Kind kind) {
  switch (kind) {
    case Kind::kNull:
      return "null";
    case Kind::kBoolean:
      return "boolean";
    case Kind::kNumber:
      return "number";
    case Kind::kString:
      return "string";
    case Kind::kArray:
      return "array";
    case Kind::kObject:
      return "object";
  }
  return "null";
}

Value Value::Boolean(bool boolean) {
  Value value;
  value.kind = Kind::kBoolean;
  value.boolean = boolean;
  return value;
}

Value Value::Integer(int64_t number) {
  Value value;
  value.kind = Kind::kNumber;
  value.text = absl::StrCat(number);
  return value;
}

Value Value::String(std::string_view text) {
  Value value;
  value.kind = Kind::kString;
  value.text = std::string(text);
  return value;
}

Value Value::Array(std::vector<Value> items) {
  Value value;
  value.kind = Kind::kArray;
  value.items = std::move(items);
  return value;
}

Value Value::Strings(const std::vector<std::string>& items) {
  Value value = Array();
  value.items.reserve(items.size());
  for (const std::string& item : items) value.items.push_back(String(item));
  return value;
}

Value Value::StringMap(const std::map<std::string, std::string>& members) {
  Value value = Object();
  value.members.reserve(members.size());
  for (const auto& [key, text] : members) value.members.emplace_back(key, String(text));
  return value;
}

Value Value::Object(std::vector<Member> members) {
  Value value;
  value.kind = Kind::kObject;
  value.members = std::move(members);
  return value;
}

Value Value::Of(const JsonText& json) {
  if (json.text.empty()) return Null();
  // value() ends the program where a JsonText holds anything else: a bug.
  return Parse({.name = "JsonText", .text = json.text}).value();
}

const Value* Value::Find(std::string_view key) const {
  if (kind != Kind::kObject) return nullptr;
  for (const Member& member : members) {
    if (member.first == key) return &member.second;
  }
  return nullptr;
}

Value* Value::Find(std::string_view key) {
  return const_cast<Value*>(std::as_const(*this).Find(key));
}

Value& Value::Set(std::string_view key, Value value) {
  if (Value* found = Find(key)) {
    *found = std::move(value);
  } else {
    if (members.empty()) members.reserve(kUsualMembers);
    members.emplace_back(std::string(key), std::move(value));
  }
  return *this;
}

std::string PointerStep(std::string_view key) {
  if (key.find_first_of("~/") == std::string_view::npos) return absl::StrCat("/", key);
  return absl::StrCat("/", absl::StrReplaceAll(std::string(key), {{"~", "~0"}, {"/", "~1"}}));
}

std::string PointerStep(size_t index) { return absl::StrCat("/", index); }

}  // namespace json
}  // namespace deps
