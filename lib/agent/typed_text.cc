#include "lib/agent/typed_text.h"

#include "absl/status/statusor.h"
#include "lib/diag/source.h"
#include "lib/text/utf8.h"

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

bool IsUtf8(std::string_view bytes) { return Utf8Prefix(bytes) == bytes.size(); }

}  // namespace deps
