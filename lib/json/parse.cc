#include <string>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "lib/json/explain.h"
#include "lib/json/json.h"
#include "lib/json/scanner.h"

namespace deps {
namespace json {
namespace {

// Objects and arrays mostly have a few members.
constexpr size_t kFirstMembers = 4;

bool Build(Scanner& scanner, Value* out) {
  out->offset = scanner.Offset();
  out->kind = scanner.Next();
  switch (out->kind) {
    case Kind::kNull:
      return scanner.Null();
    case Kind::kBoolean:
      return scanner.Boolean(&out->boolean);
    case Kind::kNumber: {
      std::string_view spelling;
      if (!scanner.Number(&spelling)) return false;
      out->text.assign(spelling);
      return true;
    }
    case Kind::kString:
      return scanner.String(&out->text);
    case Kind::kArray:
      return scanner.Array([&] {
        if (out->items.empty()) out->items.reserve(kFirstMembers);
        return Build(scanner, &out->items.emplace_back());
      });
    case Kind::kObject:
      return scanner.Object([&](std::string_view key) {
        if (out->members.empty()) out->members.reserve(kFirstMembers);
        return Build(scanner, &out->members.emplace_back(std::string(key), Value()).second);
      });
  }
  return false;
}

}  // namespace

absl::StatusOr<Value> Parse(const Source& source, const ParseLimits& limits) {
  if (source.text.size() > limits.bytes) {
    return MakeError({.id = DiagnosticId::kInputTooLarge,
                      .message = absl::StrCat("more than ", limits.bytes, " bytes of JSON"),
                      .location = {.file = source.name}});
  }
  Scanner scanner(source.text, limits.depth);
  Value value;
  if (!Build(scanner, &value) || !scanner.AtEnd()) return Explain(source, limits);
  return value;
}

}  // namespace json
}  // namespace deps
