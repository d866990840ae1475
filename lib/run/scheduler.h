// Runs the tasks of a workflow: independent ones at the same time, each after
// all that it needs.
#ifndef DEPS_LIB_RUN_SCHEDULER_H_
#define DEPS_LIB_RUN_SCHEDULER_H_

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "lib/model/plan.h"
#include "lib/model/plan_reader.h"
#include "lib/model/workflow.h"
#include "lib/run/driver.h"
#include "lib/run/outline.h"
#include "lib/secrets/provider.h"
#include "lib/state/open_store.h"
#include "lib/state/owner.h"
#include "lib/state/store.h"

namespace deps {

// A task that runs in this process.
struct RunningTask {
  std::string id;
  absl::Time since;
};

struct RunOptions {
  int64_t jobs = 1;                                   // Tasks at the same time.
  bool fail_fast = false;                             // After a failure nothing more is started.
  int64_t retries = 0;                                // Further attempts of a task that failed.
  absl::Duration timeout = absl::InfiniteDuration();  // Of an attempt.
  absl::Duration grace = absl::Seconds(30);           // From SIGTERM to SIGKILL.
  // How long a state that does not answer is waited for.
  absl::Duration patience = absl::Minutes(1);
  // Other processes run tasks of the workflow, too.
  bool shared = false;
  // With `shared`: returns where there was nothing to do here for so long.
  absl::Duration idle = absl::InfiniteDuration();
  // Runs this task alone, once more where another process was stopped while it had
  // it; "" runs all.
  std::string only;
  StateFiles files;
  std::map<std::string, std::string> mapping;  // Reference -> relocated reference.
  // As in AttemptOptions. May be empty.
  std::function<absl::StatusOr<std::string>(const Bundle&)> bundle_json;
  Getenv getenv;
  // Where it is set it takes the place of RunAttempt: the task runs elsewhere.
  // `stop` is as in RunWatch. Called by many threads.
  std::function<TaskResult(const PlannedTask&, const Claim&, const std::function<int()>& stop)>
      attempt;
  // With `attempt`: whether a task runs there, or has ended. One that does not is
  // pending here as well; a stop waits for all that are ready. May be empty.
  std::function<bool(const std::string& task)> begun;
  // How many signals asked to stop: with one, tasks are asked to end; with two
  // they are killed. May be empty.
  std::function<int()> signals;
  // What is there to be run, before the first event. May be empty.
  std::function<void(const Outline&)> on_outline;
  // Each event of the workflow, in order, once. May be empty.
  std::function<void(const StoredEvent&)> on_event;
  // Some ten times a second, with what runs here. May be empty.
  std::function<void(const std::vector<RunningTask>&)> on_tick;
  // The state did not answer, and is asked again. May be empty.
  std::function<void(const absl::Status&)> on_trouble;
};

// Checks what can be known of a plan before a task runs, beyond what its reader
// does: references to secrets are well-formed and sinks can be written.
// Errors: document-value, secret-reference, secret-unavailable.
absl::Status CheckPlan(const PlanReader& plan, const Getenv& getenv);

// Refuses a plan with a bundle that the driver cannot run, before any other is run.
// Errors: as Driver::CheckBundle.
absl::Status CheckBundles(const PlanReader& plan, const Driver& driver);

// Refuses to install over what is another's: by the state's installations, which
// may have come after the plan. Errors, one a task: plan-clash; state-open.
absl::Status CheckClashes(const PlanReader& plan, Store& store);

// Runs workflow `id`, which `owner` holds in `store` or shares with others,
// until no task can go on, and finishes it. Succeeded and reused tasks stay as
// they are. What needs a task that failed is skipped with reason "upstream"; what
// does not, goes on.
// Errors: secret-unavailable where there is no key for sensitive outputs, before
// anything runs; those of the store; what runs is then left running, for a later
// runner to attach to. run-busy where the workflow was taken from `owner`, or
// where a need of options.only has not succeeded.
absl::StatusOr<Workflow> RunWorkflow(const std::string& id, const Owner& owner, Store& store,
                                     Driver& driver, const RunOptions& options);

}  // namespace deps

#endif  // DEPS_LIB_RUN_SCHEDULER_H_
