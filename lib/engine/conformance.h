// Whether a program is an engine: what deps-engine-conformance asks of it.
// Every check is a sentence of README.md in this folder.
#ifndef DEPS_LIB_ENGINE_CONFORMANCE_H_
#define DEPS_LIB_ENGINE_CONFORMANCE_H_

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "lib/json/json.h"

namespace deps {

struct ConformanceOptions {
  std::string program;  // The path of deps-engine-NAME.
  JsonText config;
  // How the engine runs bundles: "" is process:TOOL with a run tool of the kit's
  // own, for engines whose tasks see `folder`.
  std::string driver;
  std::string image;   // The invocation image of the bundles, where `driver` needs one.
  std::string folder;  // For files of the kit and the engine's state.
  absl::Duration patience = absl::Minutes(2);  // For a run of three short tasks.
};

struct ConformanceResult {
  std::string name;  // A sentence.
  enum class Outcome { kPassed, kFailed, kSkipped } outcome = Outcome::kPassed;
  std::string why;
};

// Runs all checks, each on runs of its own, and tells each result as it is known.
void CheckConformance(const ConformanceOptions& options,
                      const std::function<void(const ConformanceResult&)>& tell);

// The run tool of the kit's bundles, a shell script. What a bundle does is in its
// parameter `do`: "say" (writes `word` to its output), "fail", "sleep".
std::string_view ConformanceTool();

}  // namespace deps

#endif  // DEPS_LIB_ENGINE_CONFORMANCE_H_
