#include "lib/agent/inputs.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "lib/base/status_macros.h"
#include "lib/diag/diagnostic.h"
#include "lib/json/json.h"
#include "lib/secrets/provider.h"

namespace deps {
namespace {

absl::Status Wrong(std::string message) {
  return MakeError({.id = DiagnosticId::kDocumentValue, .message = std::move(message)});
}

absl::StatusOr<SecretBuffer> Filled(const ValueSource& source, const Getenv& getenv) {
  SecretBuffer filled;
  std::string_view rest = source.text;
  while (true) {
    const size_t open = rest.find("${");
    filled.Append(rest.substr(0, open));
    if (open == std::string_view::npos) return filled;
    rest.remove_prefix(open + 2);
    const size_t close = rest.find('}');
    if (close == std::string_view::npos) return Wrong("a template with a '${' that is not closed");
    const auto input = source.inputs.find(std::string(rest.substr(0, close)));
    if (input == source.inputs.end()) {
      return Wrong(absl::StrCat("a template without an input '", rest.substr(0, close), "'"));
    }
    rest.remove_prefix(close + 1);
    DEPS_ASSIGN_OR_RETURN(const SecretBuffer value, ResolveInput(input->second, getenv));
    filled.Append(value.view());
  }
}

}  // namespace

absl::StatusOr<SecretBuffer> ResolveInput(const ValueSource& source, const Getenv& getenv) {
  switch (source.kind) {
    case ValueSource::Kind::kSecret:
      return ResolveSecret(source.text, getenv);
    case ValueSource::Kind::kTemplate:
      return Filled(source, getenv);
    case ValueSource::Kind::kValue:
      break;
    default:
      return Wrong("an input's source leads to another task");
  }
  const json::Value parsed = json::Value::Of(source.value);
  return SecretBuffer(parsed.IsString() ? parsed.text : source.value.text);
}

bool HoldsSecret(const ValueSource& source) {
  return source.kind == ValueSource::Kind::kSecret ||
         std::any_of(source.inputs.begin(), source.inputs.end(),
                     [](const auto& input) { return HoldsSecret(input.second); });
}

}  // namespace deps
