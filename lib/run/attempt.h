// One attempt to run one task: its inputs, the run tool, its outputs.
#ifndef DEPS_LIB_RUN_ATTEMPT_H_
#define DEPS_LIB_RUN_ATTEMPT_H_

#include <functional>
#include <map>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "lib/model/plan.h"
#include "lib/run/driver.h"
#include "lib/run/inputs.h"
#include "lib/state/store.h"

namespace deps {

struct AttemptOptions {
  std::string logs;                            // Folder; the log is LogPath of it.
  std::map<std::string, std::string> mapping;  // Reference -> relocated reference.
  absl::Duration timeout = absl::InfiniteDuration();
  absl::Duration grace = absl::Seconds(30);
  std::function<int()> stop;  // As in RunWatch.
  // The bundle.json of a bundle as its author wrote it. May be empty: then, and
  // where it fails, bundle.json is made again from the plan, and the log says so.
  std::function<absl::StatusOr<std::string>(const Bundle&)> bundle_json;
  // What an earlier runner of this task left behind when it died.
  std::optional<Traces> left;
};

// Where the log of an attempt is, mode 0600, secrets redacted.
std::string LogPath(const std::string& logs, const std::string& workflow, const std::string& task,
                    int64_t attempt);

// "state:WORKFLOW/TASK#NAME": where a sensitive output is kept.
std::string OutputRef(const std::string& workflow, const std::string& task,
                      const std::string& name);

// Runs `task`, which `claim` holds, to its end. What `options.left` names is
// waited for where it still runs or has ended by itself: it is not started a
// second time. Else it is cleaned up, and the run begins anew. Whatever goes wrong is told in
// the result: status "failed" with reason
//   input   a value could not be had      secret  neither could a secret's
//   driver  the run tool did not start    bundle  it ended with another status than 0
//   timeout it took too long              output  an output is missing or malformed
// or "canceled" with reason "stopped".
TaskResult RunAttempt(const PlannedTask& task, const Claim& claim, const InputResolver& inputs,
                      StateKey& key, Store& store, Driver& driver, const AttemptOptions& options);

}  // namespace deps

#endif  // DEPS_LIB_RUN_ATTEMPT_H_
