#include "lib/bundle/definition_schema.h"

#include <algorithm>
#include <string_view>

namespace deps {
namespace {

using json::Value;

constexpr std::string_view kElsewhere[] = {"default", "$id",         "writeOnly", "readOnly",
                                           "title",   "description", "$comment",  "examples",
                                           "$schema", "deprecated"};

// JSON Schema's keywords that Porter lets through, without those above.
constexpr std::string_view kKeywords[] = {"additionalItems",
                                          "additionalProperties",
                                          "allOf",
                                          "anyOf",
                                          "const",
                                          "contains",
                                          "contentEncoding",
                                          "contentMediaType",
                                          "dependencies",
                                          "else",
                                          "enum",
                                          "exclusiveMaximum",
                                          "exclusiveMinimum",
                                          "format",
                                          "if",
                                          "items",
                                          "maxItems",
                                          "maxLength",
                                          "maxProperties",
                                          "maximum",
                                          "minItems",
                                          "minLength",
                                          "minProperties",
                                          "minimum",
                                          "multipleOf",
                                          "not",
                                          "oneOf",
                                          "pattern",
                                          "patternProperties",
                                          "properties",
                                          "propertyNames",
                                          "required",
                                          "then",
                                          "uniqueItems"};

template <size_t N>
bool IsOneOf(std::string_view key, const std::string_view (&keys)[N]) {
  return std::find(std::begin(keys), std::end(keys), key) != std::end(keys);
}

bool HasReference(const Value& value) {
  const Value* reference = value.Find("$ref");
  if (reference != nullptr && reference->IsString()) return true;
  return std::any_of(value.members.begin(), value.members.end(),
                     [](const json::Member& member) { return HasReference(member.second); }) ||
         std::any_of(value.items.begin(), value.items.end(), HasReference);
}

}  // namespace

std::string DefinitionType(const Value& definition) {
  const Value* type = definition.Find("type");
  if (type == nullptr) return "";
  if (type->IsString()) return type->text;
  std::string found;
  for (const Value& item : type->items) {
    if (!item.IsString() || item.text == "null") continue;
    if (!found.empty()) return "";
    found = item.text;
  }
  return found;
}

std::optional<JsonText> SchemaBeyondType(const Value& definition, const Value* definitions) {
  Value schema = Value::Object();
  for (const auto& [key, value] : definition.members) {
    if (IsOneOf(key, kElsewhere) || (key == "type" && value.IsString())) continue;
    schema.Set(key, value);
  }
  if (schema.members.empty()) return std::nullopt;
  if (definitions != nullptr && HasReference(schema)) schema.Set("definitions", *definitions);
  return json::ToText(schema);
}

std::optional<JsonText> SchemaOfManifestEntry(const Value& entry) {
  Value schema = Value::Object();
  for (const auto& [key, value] : entry.members) {
    // Porter's own `required` is of the entry, not of an object's members.
    const bool own = key == "required" && value.kind == json::Kind::kBoolean;
    if (IsOneOf(key, kKeywords) && !own) schema.Set(key, value);
  }
  const Value* type = entry.Find("type");
  if (type != nullptr && type->IsArray()) schema.Set("type", *type);
  if (type != nullptr && type->text == "file") {
    schema.Set("contentEncoding", Value::String("base64"));
  }
  if (schema.members.empty()) return std::nullopt;
  return json::ToText(schema);
}

}  // namespace deps
