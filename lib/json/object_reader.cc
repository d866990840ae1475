#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "lib/json/decimal.h"
#include "lib/json/json.h"
#include "lib/text/closest_match.h"

namespace deps {
namespace json {
namespace {

// Nobody reads more; without a limit a file of errors would take quadratic time.
constexpr size_t kMaxErrors = 100;

std::string_view Article(Kind kind) {
  return kind == Kind::kArray || kind == Kind::kObject ? "an " : kind == Kind::kNull ? "" : "a ";
}

}  // namespace

ObjectReader::ObjectReader(const Source& source, const Value& value, std::string pointer)
    : source_(source), value_(value), pointer_(std::move(pointer)) {
  if (!value.IsObject()) {
    Fail(DiagnosticId::kDocumentType, "",
         absl::StrCat("expected an object, found ", Article(value.kind), KindName(value.kind)));
  }
}

std::string ObjectReader::Pointer(std::string_view key) const {
  return key.empty() ? pointer_ : absl::StrCat(pointer_, PointerStep(key));
}

void ObjectReader::Fail(DiagnosticId id, std::string_view key, std::string message) {
  const Value* member = key.empty() ? nullptr : value_.Find(key);
  const size_t offset = member != nullptr ? member->offset : value_.offset;
  Check(MakeError(
      {.id = id, .message = std::move(message), .location = source_.At(offset, Pointer(key))}));
}

void ObjectReader::Check(absl::Status status) {
  if (status.ok()) return;
  if (status_.ok()) {
    status_ = std::move(status);
    return;
  }
  std::vector<Diagnostic> all = DiagnosticsOf(status_);
  if (all.size() >= kMaxErrors) return;
  for (Diagnostic& diagnostic : DiagnosticsOf(status)) all.push_back(std::move(diagnostic));
  status_ = MakeErrors(std::move(all));
}

const Value* ObjectReader::Any(std::string_view key) {
  known_.emplace_back(key);
  return value_.Find(key);
}

const Value* ObjectReader::Take(std::string_view key, Kind kind, bool required) {
  const Value* member = Any(key);
  if (member == nullptr) {
    if (required && value_.IsObject()) {
      Check(MakeError({.id = DiagnosticId::kDocumentMember,
                       .message = absl::StrCat("the member '", key, "' is missing"),
                       .location = source_.At(value_.offset, pointer_)}));
    }
    return nullptr;
  }
  if (member->kind != kind) {
    Fail(DiagnosticId::kDocumentType, key,
         absl::StrCat("expected ", Article(kind), KindName(kind), ", found ", Article(member->kind),
                      KindName(member->kind)));
    return nullptr;
  }
  return member;
}

const Value* ObjectReader::Array(std::string_view key, bool required) {
  return Take(key, Kind::kArray, required);
}

const Value* ObjectReader::Object(std::string_view key, bool required) {
  return Take(key, Kind::kObject, required);
}

void ObjectReader::Ignore(std::string_view key) { known_.emplace_back(key); }

void ObjectReader::ReadString(std::string_view key, bool required, std::string* out) {
  if (const Value* member = Take(key, Kind::kString, required)) *out = member->text;
}

void ObjectReader::ReadBoolean(std::string_view key, bool required, bool* out) {
  if (const Value* member = Take(key, Kind::kBoolean, required)) *out = member->boolean;
}

bool ObjectReader::ReadInteger(std::string_view key, bool required, int64_t* out) {
  const Value* member = Take(key, Kind::kNumber, required);
  if (member == nullptr) return false;
  const std::optional<int64_t> number = IntegerOf(member->text);
  if (!number.has_value()) {
    Fail(DiagnosticId::kDocumentValue, key,
         absl::StrCat("expected an integer within 53 bits, found ", member->text));
    return false;
  }
  *out = *number;
  return true;
}

void ObjectReader::ReadStrings(std::string_view key, bool required, std::vector<std::string>* out) {
  const Value* member = Take(key, Kind::kArray, required);
  if (member == nullptr) return;
  std::vector<std::string> items;
  for (size_t i = 0; i < member->items.size(); ++i) {
    const Value& item = member->items[i];
    if (!CheckString(item, absl::StrCat(Pointer(key), PointerStep(i)))) return;
    items.push_back(item.text);
  }
  *out = std::move(items);
}

void ObjectReader::ReadStringMap(std::string_view key, bool required,
                                 std::map<std::string, std::string>* out) {
  const Value* member = Take(key, Kind::kObject, required);
  if (member == nullptr) return;
  std::map<std::string, std::string> map;
  for (const auto& [name, item] : member->members) {
    if (!CheckString(item, absl::StrCat(Pointer(key), PointerStep(name)))) return;
    map.emplace(name, item.text);
  }
  *out = std::move(map);
}

bool ObjectReader::CheckString(const Value& item, std::string pointer) {
  if (item.IsString()) return true;
  Check(MakeError({.id = DiagnosticId::kDocumentType,
                   .message = absl::StrCat("expected a string, found ", Article(item.kind),
                                           KindName(item.kind)),
                   .location = source_.At(item.offset, pointer)}));
  return false;
}

void ObjectReader::Required(std::string_view key, std::string* out) { ReadString(key, true, out); }
void ObjectReader::Required(std::string_view key, bool* out) { ReadBoolean(key, true, out); }
void ObjectReader::Required(std::string_view key, int64_t* out) { ReadInteger(key, true, out); }
void ObjectReader::Required(std::string_view key, std::vector<std::string>* out) {
  ReadStrings(key, true, out);
}
void ObjectReader::Required(std::string_view key, std::map<std::string, std::string>* out) {
  ReadStringMap(key, true, out);
}

void ObjectReader::Optional(std::string_view key, std::string* out) { ReadString(key, false, out); }
void ObjectReader::Optional(std::string_view key, bool* out) { ReadBoolean(key, false, out); }
void ObjectReader::Optional(std::string_view key, int64_t* out) { ReadInteger(key, false, out); }
void ObjectReader::Optional(std::string_view key, std::vector<std::string>* out) {
  ReadStrings(key, false, out);
}
void ObjectReader::Optional(std::string_view key, std::map<std::string, std::string>* out) {
  ReadStringMap(key, false, out);
}

void ObjectReader::Optional(std::string_view key, std::optional<std::string>* out) {
  if (const Value* member = Take(key, Kind::kString, false)) *out = member->text;
}

void ObjectReader::Optional(std::string_view key, std::optional<int64_t>* out) {
  int64_t number = 0;
  if (ReadInteger(key, false, &number)) *out = number;
}

void ObjectReader::Optional(std::string_view key, std::optional<JsonText>* out) {
  if (const Value* member = Any(key)) *out = ToText(*member);
}

absl::Status ObjectReader::Finish() {
  if (ignore_rest_ || !value_.IsObject()) return status_;
  for (const auto& [key, member] : value_.members) {
    if (std::find(known_.begin(), known_.end(), key) != known_.end()) continue;
    std::string message = absl::StrCat("the member '", key, "' is not known");
    const std::vector<std::string> known(known_.begin(), known_.end());
    if (const std::optional<std::string> match = ClosestMatch(key, known)) {
      absl::StrAppend(&message, "; did you mean '", *match, "'?");
    }
    Fail(DiagnosticId::kDocumentMember, key, std::move(message));
  }
  return status_;
}

}  // namespace json
}  // namespace deps
