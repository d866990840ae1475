// Those options of a run that go with its workflow to whoever runs it.
#ifndef DEPS_LIB_RUN_SETTINGS_H_
#define DEPS_LIB_RUN_SETTINGS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "lib/json/json.h"
#include "lib/run/scheduler.h"

namespace deps {

// What goes with a workflow of another engine.
struct EngineSettings {
  JsonText config;                   // The engine's own settings; an object.
  int64_t revision = 1;              // Of what was submitted last, or is about to be.
  std::string run;                   // The engine's name of it; "" where it may not be there yet.
  std::vector<std::string> earlier;  // Its names of the revisions before, in their order.
};

// retries, timeout, grace, fail_fast and mapping as JSON; those of the engine
// where there is one.
std::string FormatSettings(const RunOptions& options,
                           const std::optional<EngineSettings>& engine = std::nullopt);
// Errors: those of json.
absl::StatusOr<RunOptions> ParseSettings(const std::string& text);
absl::StatusOr<EngineSettings> ParseEngineSettings(const std::string& text);

}  // namespace deps

#endif  // DEPS_LIB_RUN_SETTINGS_H_
