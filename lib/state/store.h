// The state: which workflows there are, how far they are, and what is
// installed. Every change is one transaction together with its event: what is
// not in the store did not happen.
#ifndef DEPS_LIB_STATE_STORE_H_
#define DEPS_LIB_STATE_STORE_H_

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "lib/json/json.h"
#include "lib/model/graph.h"
#include "lib/model/installation.h"
#include "lib/model/plan.h"
#include "lib/model/plan_reader.h"
#include "lib/model/workflow.h"
#include "lib/state/owner.h"

namespace deps {

// An output's value. A sensitive one is there only as a sealed box.
struct StoredOutput {
  std::string name;
  bool sensitive = false;
  JsonText value;   // Not sensitive: the value.
  std::string box;  // Sensitive: sealed under `ref` as its context.
  std::string ref;  // Sensitive: "state:WORKFLOW/TASK#NAME", where it was made.
  bool operator==(const StoredOutput&) const = default;
};

// What a workflow is started with.
struct WorkflowStart {
  std::string engine = "local";
  std::string driver;  // As --driver has it.
  // "run": by one process, which holds it; "shared": by any number of workers;
  // "step": a task at a time, each by a process of its own.
  std::string mode = "run";
  std::string options = "{}";  // JSON, for those who run it.
};

struct StoredWorkflow {
  std::string id;
  std::string plan;  // The plan's digest; see ReadPlan.
  WorkflowStart start;
  std::string status;  // As in the document Workflow.
  std::string action;
  InstallationName installation;
  std::string created;
  std::string modified;
  bool cancel_requested = false;
  std::optional<Owner> owner;  // Absent where no process holds it.
  bool held = false;           // By a living process, as a whole or a task of it.
};

// One try to run a task, as it was claimed.
struct Claim {
  std::string workflow;
  std::string task;
  int64_t epoch = 0;  // A change with another epoch is refused.
  int64_t attempt = 0;
  int64_t failures = 0;  // Of earlier attempts since it was started or resumed.
  std::string revision;  // ULID; the same for all attempts.
  // What the driver needs to find this attempt again; see Change::traces.
  std::string traces;
  // The attempt was begun by another process of this machine, which is dead: it
  // is to be gone on with, not to be started.
  bool begun = false;
  std::optional<Installation> before;  // The task's installation.
};

// How an attempt ended.
struct TaskResult {
  std::string status;  // "succeeded" | "failed" | "canceled" | "skipped"
  std::optional<int64_t> exit_code;
  std::string reason;
  std::string message;
  std::vector<StoredOutput> outputs;
  // The installation after it; absent where the task leaves it as it was.
  std::optional<Installation> installation;
  // Porter's documents Run and Result, as JSON; "" for none.
  std::string run_id;
  std::string run_document;
  std::string result_id;
  std::string result_document;
};

// An attempt is over.
struct EndedAttempt {
  Claim claim;
  TaskResult result;
  // Absent: the task has ended. Else it is pending again and not to be claimed
  // before so much time.
  std::optional<absl::Duration> retry_after;
};

// A pending task that will not run.
struct SkippedTask {
  std::string task;
  TaskResult result;
  bool reused = false;  // Its outputs are those that its installation has.
};

// What one transaction changes in a workflow.
struct Change {
  std::vector<EndedAttempt> ended;
  std::vector<SkippedTask> skipped;
  std::vector<std::string> claims;  // Pending tasks that are to be run.
  // Gives Claim::traces of a new attempt.
  std::function<std::string(const Claim&)> traces;
  int64_t after_event = 0;
  // Also looks whether other processes that ran tasks of it have died.
  bool recover = false;
};

struct StoredEvent {
  int64_t seq = 0;
  std::string time;
  std::string workflow;
  std::string task;  // "" for one of the workflow.
  int64_t attempt = 0;
  std::string type;  // "task.succeeded"
  JsonText data;     // An object.
  bool operator==(const StoredEvent&) const = default;
};

struct ClaimedTask {
  Claim claim;
  PlannedTask task;
};

// What has become of a Change.
struct Progress {
  std::vector<ClaimedTask> claimed;
  // Tasks whose installation another workflow uses, and what is to be said.
  std::vector<std::pair<std::string, std::string>> busy;
  // Tasks of `ended` that were no longer this process's: nothing was changed.
  std::vector<std::string> lost;
  // Events of the workflow after `after_event`, whoever caused them.
  std::vector<StoredEvent> events;
  std::string status;  // Of the workflow.
  bool cancel_requested = false;
};

// Errors of all members: state-open where the database does not serve,
// state-unknown-workflow where an id is not in it.
// All members may be called from several threads.
class Store {
 public:
  virtual ~Store() = default;

  // A new workflow with a pending task for each of the plan's. In mode "run" it
  // is held by `owner`, else by no one.
  virtual absl::Status CreateWorkflow(const std::string& id, const PlanReader& plan,
                                      const WorkflowStart& start, const Owner& owner) = 0;
  // The newest workflow of mode "step" of this plan, or a new one with the id `id`.
  // Gives its id. Where `begins`, none that has succeeded: a step that needs nothing
  // begins a new one then.
  virtual absl::StatusOr<std::string> JoinSteps(const std::string& id, const PlanReader& plan,
                                                const WorkflowStart& start, bool begins) = 0;
  // Tells that `owner` is there to run tasks, and for how long it may be silent.
  virtual absl::Status Register(const Owner& owner, absl::Duration lease) = 0;
  // Takes a workflow that no living process holds, as a whole and its tasks, and
  // holds it. Tasks that were running are pending and begun (see Claim); failed
  // and canceled ones are pending, and so are those that were skipped because of
  // them. `tasks` limits the latter to these; empty: all. Errors: run-busy.
  virtual absl::Status TakeWorkflow(const std::string& id, const WorkflowStart& start,
                                    const Owner& owner, const std::vector<std::string>& tasks) = 0;
  // Replaces WorkflowStart::options. Errors: run-busy where `owner` does not hold
  // the workflow.
  virtual absl::Status SetOptions(const std::string& id, const std::string& options,
                                  const Owner& owner) = 0;
  // One transaction. Errors: run-busy where `owner` holds the workflow no longer
  // or has been silent for too long and was replaced.
  virtual absl::StatusOr<Progress> Advance(const std::string& id, const Change& change,
                                           const Owner& owner) = 0;
  // "succeeded" | "failed" | "canceled" as its tasks are, with the outputs of the
  // whole, and no owner. Leaves a finished one as it is.
  virtual absl::Status FinishWorkflow(const std::string& id,
                                      const std::vector<StoredOutput>& outputs,
                                      const Owner& owner) = 0;
  virtual absl::StatusOr<StoredWorkflow> FindWorkflow(const std::string& id) = 0;
  virtual absl::StatusOr<Plan> ReadPlan(const std::string& id) = 0;
  // All but the tasks.
  virtual absl::StatusOr<Plan> ReadPlanHead(const std::string& id) = 0;
  // The tasks of the plan, in its order; a few of them are in memory at a time.
  // Errors: those of `visit`, too.
  virtual absl::Status ForEachTask(const std::string& id, TaskVisitor visit) = 0;
  // Errors: state-unknown-workflow also where it has no such task.
  virtual absl::StatusOr<PlannedTask> FindTask(const std::string& id, const std::string& task) = 0;
  // The newest first.
  virtual absl::StatusOr<std::vector<StoredWorkflow>> Workflows() = 0;
  // Running workflows of mode "shared", the oldest first.
  virtual absl::StatusOr<std::vector<StoredWorkflow>> SharedWorkflows() = 0;
  // Running tasks whose owner is dead show as "unknown".
  virtual absl::StatusOr<Workflow> Document(const std::string& id) = 0;
  virtual absl::Status RequestCancel(const std::string& id) = 0;
  // Errors: run-busy where a living process holds it.
  virtual absl::Status DeleteWorkflow(const std::string& id) = 0;

  virtual absl::StatusOr<std::vector<StoredOutput>> Outputs(const std::string& workflow,
                                                            const std::string& task) = 0;
  // Of the workflow as a whole: its root's own and promoted ones.
  virtual absl::StatusOr<std::vector<StoredOutput>> WorkflowOutputs(
      const std::string& workflow) = 0;
  // The seq of the newest event of a workflow; 0 where it has none.
  virtual absl::StatusOr<int64_t> LastEvent(const std::string& workflow) = 0;
  // Events after `seq`, in order. `workflow` may be "" for all.
  virtual absl::StatusOr<std::vector<StoredEvent>> Events(const std::string& workflow,
                                                          int64_t seq) = 0;

  // Sorted by namespace and name.
  virtual absl::StatusOr<std::vector<Installation>> Installations() = 0;
  virtual absl::StatusOr<std::optional<Installation>> FindInstallation(
      const InstallationName& name) = 0;
  // The newest of each name, sorted by name.
  virtual absl::StatusOr<std::vector<StoredOutput>> InstallationOutputs(
      const InstallationName& name) = 0;
  // Adds or replaces an installation with outputs that another tool recorded.
  virtual absl::Status ImportInstallation(const Installation& installation,
                                          const std::vector<StoredOutput>& outputs) = 0;
};

}  // namespace deps

#endif  // DEPS_LIB_STATE_STORE_H_
