// Those options of a run that go with its workflow to whoever runs it.
#ifndef DEPS_LIB_RUN_SETTINGS_H_
#define DEPS_LIB_RUN_SETTINGS_H_

#include <string>

#include "absl/status/statusor.h"
#include "lib/run/scheduler.h"

namespace deps {

// retries, timeout, grace, fail_fast and mapping as JSON.
std::string FormatSettings(const RunOptions& options);
// Errors: those of json.
absl::StatusOr<RunOptions> ParseSettings(const std::string& text);

}  // namespace deps

#endif  // DEPS_LIB_RUN_SETTINGS_H_
