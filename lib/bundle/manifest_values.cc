#include "lib/bundle/manifest_values.h"

#include <algorithm>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "lib/text/closest_match.h"
#include "lib/yaml/yaml.h"

namespace deps {

using json::ObjectReader;
using json::Value;

void MakeText(Value* value) {
  if (const std::optional<std::string> text = yaml::TextOf(*value)) {
    value->kind = json::Kind::kString;
    value->text = *text;
  }
}

void MakeTexts(Value* object, const std::vector<std::string_view>& keys) {
  if (object == nullptr) return;
  for (auto& [key, value] : object->members) {
    if (keys.empty() || std::find(keys.begin(), keys.end(), key) != keys.end()) MakeText(&value);
  }
}

Value* NonNull(ObjectReader& reader, Value& object, std::string_view key) {
  reader.Ignore(key);
  Value* value = object.Find(key);
  return value == nullptr || value->kind == json::Kind::kNull ? nullptr : value;
}

bool Expect(ObjectReader& reader, const Value& value, json::Kind kind, std::string_view key) {
  if (value.kind == kind) return true;
  reader.Fail(DiagnosticId::kBundleInvalid, key,
              absl::StrCat("expected ", kind == json::Kind::kArray ? "a list" : "a mapping",
                           ", not a value of type ", json::KindName(value.kind)));
  return false;
}

void IgnoreForeign(ObjectReader& reader, const Value& object,
                   const std::vector<std::string>& known) {
  for (const auto& [key, value] : object.members) {
    if (!ClosestMatch(key, known)) reader.Ignore(key);
  }
}

std::string EnvironmentName(std::string_view parameter) {
  return absl::AsciiStrToUpper(
      absl::StrReplaceAll(parameter, {{"-", "_"}, {"/", "_"}, {".", "_"}}));
}

}  // namespace deps
