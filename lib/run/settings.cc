#include "lib/run/settings.h"

#include <map>
#include <utility>

#include "lib/base/status_macros.h"
#include "lib/json/json.h"

namespace deps {

using JsonValue = json::Value;

std::string FormatSettings(const RunOptions& options, const std::optional<EngineSettings>& engine) {
  JsonValue value = JsonValue::Object();
  value.Set("retries", JsonValue::Integer(options.retries));
  if (options.timeout != absl::InfiniteDuration()) {
    value.Set("timeoutMilliseconds",
              JsonValue::Integer(absl::ToInt64Milliseconds(options.timeout)));
  }
  value.Set("graceMilliseconds", JsonValue::Integer(absl::ToInt64Milliseconds(options.grace)));
  value.Set("failFast", JsonValue::Boolean(options.fail_fast));
  value.Set("mapping", JsonValue::StringMap(options.mapping));
  if (engine.has_value()) {
    JsonValue settings = JsonValue::Object();
    settings.Set("config", JsonValue::Of(engine->config));
    settings.Set("revision", JsonValue::Integer(engine->revision));
    settings.Set("run", JsonValue::String(engine->run));
    settings.Set("earlier", JsonValue::Strings(engine->earlier));
    value.Set("engine", std::move(settings));
  }
  return json::Canonical(value);
}

absl::StatusOr<EngineSettings> ParseEngineSettings(const std::string& text) {
  const Source source = {.name = "<state>", .text = text};
  DEPS_ASSIGN_OR_RETURN(const JsonValue value, json::Parse(source));
  EngineSettings engine = {.config = {"{}"}};
  const JsonValue* settings = value.Find("engine");
  if (settings == nullptr) return engine;
  json::ObjectReader reader(source, *settings, "/engine");
  std::optional<JsonText> config;
  reader.Optional("config", &config);
  reader.Required("revision", &engine.revision);
  reader.Required("run", &engine.run);
  reader.Optional("earlier", &engine.earlier);
  DEPS_RETURN_IF_ERROR(reader.Finish());
  if (config.has_value()) engine.config = *std::move(config);
  return engine;
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
  reader.Ignore("engine");
  DEPS_RETURN_IF_ERROR(reader.Finish());
  if (timeout > 0) options.timeout = absl::Milliseconds(timeout);
  options.grace = absl::Milliseconds(grace);
  return options;
}

}  // namespace deps
