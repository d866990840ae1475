// One attempt to run one task: its inputs, the run tool, its outputs.
#ifndef DEPS_LIB_RUN_ATTEMPT_H_
#define DEPS_LIB_RUN_ATTEMPT_H_

#include <atomic>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "lib/model/plan.h"
#include "lib/model/workflow.h"
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
  // Sinks are waited for until it is no longer 0. May be null.
  const std::atomic<int>* at_once = nullptr;
  // The bundle.json of a bundle as its author wrote it. May be empty: then, and
  // where it fails, bundle.json is made again from the plan, and the log says so.
  std::function<absl::StatusOr<std::string>(const Bundle&)> bundle_json;
};

// Where the log of an attempt is, mode 0600, secrets redacted.
std::string LogPath(const std::string& logs, const std::string& workflow, const std::string& task,
                    int64_t attempt);

// What finds the attempt again: known before it starts, so that it is in the
// state before anything runs. `folder` is Scratch::PathFor of its name.
absl::StatusOr<Traces> TracesOf(const Claim& claim);

// Removes what attempts of a workflow left in memory that are over, where a
// runner died before it could. Tasks that are not over keep theirs.
void RemoveLeftovers(const Workflow& workflow);

// Removes what a worker that died left in memory of attempts that have ended;
// attempts that begin meanwhile have other folders.
void RemoveEnded(const Workflow& workflow);

// "state:WORKFLOW/TASK#NAME": where a sensitive output is kept.
std::string OutputRef(const std::string& workflow, const std::string& task,
                      const std::string& name);

// Runs `task`, which `claim` holds, to its end. What `claim.traces` names is
// there already where `claim.begun`: it is waited for, and never started a second
// time. Whatever goes wrong is told in the result: status "failed" with reason
//   input   a value could not be had      secret  neither could a secret's
//   driver  the run tool did not start    bundle  it ended with another status than 0
//   timeout it took too long              output  an output is missing, malformed or too large
//   sink    an output's sink did not take it: the value is sealed in the state, and
//           the next attempt puts it there instead of running the bundle again
// or "canceled" with reason "stopped"; status "interrupted" where of an attempt
// that was begun nothing is left; "left" where options.stop says so. The folder
// of the attempt stays behind, to be removed once the result is in the state.
TaskResult RunAttempt(const PlannedTask& task, const Claim& claim, const InputResolver& inputs,
                      StateKey& key, Driver& driver, const AttemptOptions& options);

}  // namespace deps

#endif  // DEPS_LIB_RUN_ATTEMPT_H_
