#include "lib/run/settings.h"

#include <map>

#include "lib/base/status_macros.h"
#include "lib/json/json.h"

namespace deps {

using JsonValue = json::Value;

std::string FormatSettings(const RunOptions& options) {
  JsonValue value = JsonValue::Object();
  value.Set("retries", JsonValue::Integer(options.retries));
  if (options.timeout != absl::InfiniteDuration()) {
    value.Set("timeoutMilliseconds",
              JsonValue::Integer(absl::ToInt64Milliseconds(options.timeout)));
  }
  value.Set("graceMilliseconds", JsonValue::Integer(absl::ToInt64Milliseconds(options.grace)));
  value.Set("failFast", JsonValue::Boolean(options.fail_fast));
  value.Set("mapping", JsonValue::StringMap(options.mapping));
  return json::Canonical(value);
}

absl::StatusOr<RunOptions> ParseSettings(const std::string& text) {
  const Source source = {.name = "<state>", .text = text};
  DEPS_ASSIGN_OR_RETURN(const JsonValue value, json::Parse(source));
  RunOptions options;
  json::ObjectReader reader(source, value);
  int64_t timeout = 0;
  int64_t grace = 30000;
  reader.Optional("retries", &options.retries);
  reader.Optional("timeoutMilliseconds", &timeout);
  reader.Optional("graceMilliseconds", &grace);
  reader.Optional("failFast", &options.fail_fast);
  reader.Optional("mapping", &options.mapping);
  DEPS_RETURN_IF_ERROR(reader.Finish());
  if (timeout > 0) options.timeout = absl::Milliseconds(timeout);
  options.grace = absl::Milliseconds(grace);
  return options;
}

}  // namespace deps
