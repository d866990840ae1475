#include "lib/agent/typed_text.h"

#include "absl/status/statusor.h"
#include "lib/diag/source.h"

namespace deps {

JsonText AsJson(const std::string& type, std::string_view bytes) {
  if (!type.empty() && type != "string") {
    const Source source = {.name = "", .text = std::string(bytes)};
    if (const absl::StatusOr<json::Value> value = json::Parse(source); value.ok()) {
      return json::ToText(*value);
    }
  }
  return json::ToText(json::Value::String(bytes));
}

bool IsOfType(const std::string& type, std::string_view bytes) {
  if (type.empty() || type == "string") return true;
  const Source source = {.name = "", .text = std::string(bytes)};
  const absl::StatusOr<json::Value> value = json::Parse(source);
  if (!value.ok()) return false;
  if (type != "integer") return json::KindName(value->kind) == type;
  return value->kind == json::Kind::kNumber &&
         value->text.find_first_of(".eE") == std::string::npos;
}

bool IsUtf8(std::string_view bytes) {
  // A string that JSON can hold is one that comes back as it was.
  const std::string text = json::Format(json::Value::String(bytes), json::Style::kCompact);
  const absl::StatusOr<json::Value> back = json::Parse({.name = "", .text = text});
  return back.ok() && back->text == bytes;
}

}  // namespace deps
