#include "lib/plan/typed_value.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "lib/base/status_macros.h"
#include "lib/schema/value.h"

namespace deps {
namespace {

// 1.0 is an integer to JSON Schema; the canonical text has it as 1.
bool IsInteger(const json::Value& number) {
  const std::string text = json::Canonical(number);
  return text.find_first_of(".eE") == std::string::npos;
}

bool HasType(const json::Value& value, std::string_view type) {
  if (type == "integer") return value.kind == json::Kind::kNumber && IsInteger(value);
  return json::KindName(value.kind) == type;
}

absl::Status WrongType(std::string_view type) {
  return MakeError({.id = DiagnosticId::kPlanValue,
                    .message = absl::StrCat("the value is not of type ", std::string(type))});
}

// Where several types are allowed and text is none of them, text is read as JSON.
bool AsksForNoText(const ParameterDefinition& definition) {
  if (!definition.type.empty() || !definition.schema) return false;
  const json::Value schema = json::Value::Of(*definition.schema);
  const json::Value* types = schema.Find("type");
  return types != nullptr && types->IsArray() &&
         std::none_of(types->items.begin(), types->items.end(),
                      [](const json::Value& type) { return type.text == "string"; });
}

}  // namespace

absl::StatusOr<JsonText> TypedText(std::string_view text, std::string_view type) {
  if (type.empty() || type == "string") return json::ToText(json::Value::String(text));
  const absl::StatusOr<json::Value> value = json::Parse({"", std::string(text)});
  if (!value.ok() || !HasType(*value, type)) return WrongType(type);
  return json::ToText(*value);
}

absl::StatusOr<JsonText> TypedValue(const JsonText& value, std::string_view type) {
  const json::Value parsed = json::Value::Of(value);
  if (parsed.IsString()) return TypedText(parsed.text, type);
  if (type.empty() || HasType(parsed, type)) return value;
  if (type != "string") return WrongType(type);
  const bool null = parsed.kind == json::Kind::kNull;
  return json::ToText(json::Value::String(null ? "" : value.text));
}

absl::StatusOr<JsonText> FittingValue(const JsonText& value,
                                      const ParameterDefinition& definition) {
  absl::StatusOr<JsonText> typed = TypedValue(value, definition.type);
  if (!typed.ok() || !definition.schema) return typed;
  if (AsksForNoText(definition)) {
    const json::Value text = json::Value::Of(*typed);
    if (text.IsString()) {
      const absl::StatusOr<json::Value> parsed = json::Parse({"", text.text});
      if (parsed.ok()) typed = json::ToText(*parsed);
    }
  }
  DEPS_RETURN_IF_ERROR(CheckValue(*typed, *definition.schema));
  return typed;
}

}  // namespace deps
