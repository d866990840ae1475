// The state: which workflows there are, how far they are, and what is
// installed. Every change is one transaction together with its event: what is
// not in the store did not happen.
#ifndef DEPS_LIB_STATE_STORE_H_
#define DEPS_LIB_STATE_STORE_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "lib/json/json.h"
#include "lib/model/graph.h"
#include "lib/model/installation.h"
#include "lib/model/plan.h"
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

// What a workflow was started with.
struct StoredWorkflow {
  std::string id;
  std::string plan;    // The document Plan.
  std::string driver;  // As --driver has it.
  std::string status;  // As in the document Workflow.
  std::string action;
  InstallationName installation;
  std::string created;
  std::string modified;
  bool cancel_requested = false;
  std::optional<Owner> owner;  // Absent where no process holds it.
};

// One try to run a task, as it was claimed.
struct Claim {
  std::string workflow;
  std::string task;
  int64_t epoch = 0;  // A change with another epoch is refused.
  int64_t attempt = 0;
  std::string revision;  // ULID; the same for all attempts.
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

// Errors of all members: state-open where the database does not serve,
// state-unknown-workflow where an id is not in it.
// All members may be called from several threads.
class Store {
 public:
  virtual ~Store() = default;

  // A new workflow with a pending task for each of the plan's, held by `owner`.
  virtual absl::Status CreateWorkflow(const std::string& id, const Plan& plan,
                                      const std::string& driver, const Owner& owner) = 0;
  // Takes a workflow that no living process holds. Running tasks of a dead
  // owner are pending again; so are failed and canceled ones and those that were
  // skipped because of them. Errors: run-busy.
  virtual absl::Status TakeWorkflow(const std::string& id, const std::string& driver,
                                    const Owner& owner) = 0;
  // "succeeded" | "failed" | "canceled" as its tasks are, and no owner.
  virtual absl::StatusOr<Workflow> FinishWorkflow(const std::string& id, const Owner& owner) = 0;
  virtual absl::StatusOr<StoredWorkflow> FindWorkflow(const std::string& id) = 0;
  // The newest first, without plan.
  virtual absl::StatusOr<std::vector<StoredWorkflow>> Workflows() = 0;
  // Running tasks whose owner is dead show as "unknown".
  virtual absl::StatusOr<Workflow> Document(const std::string& id) = 0;
  virtual absl::Status RequestCancel(const std::string& id) = 0;
  // Errors: run-busy where a living process holds it.
  virtual absl::Status DeleteWorkflow(const std::string& id) = 0;

  // A pending task of a workflow that `owner` holds becomes running.
  // Errors: run-busy where a living process runs another task of the same
  // installation.
  virtual absl::StatusOr<Claim> ClaimTask(const std::string& workflow, const PlannedTask& task,
                                          const Owner& owner) = 0;
  // What the driver needs to find a task again that was left behind.
  virtual absl::Status SetTraces(const Claim& claim, const std::string& traces) = 0;
  // Of pending tasks that were running when their owner died: task id -> traces.
  virtual absl::StatusOr<std::map<std::string, std::string>> Traces(
      const std::string& workflow) = 0;
  // Running -> an end. Errors: run-busy where the claim is no longer the latest.
  virtual absl::Status FinishTask(const Claim& claim, const TaskResult& result) = 0;
  // Running -> pending, for another attempt.
  virtual absl::Status RetryTask(const Claim& claim, const TaskResult& result) = 0;
  // Pending -> skipped or canceled.
  virtual absl::Status SkipTask(const std::string& workflow, const std::string& task,
                                const TaskResult& result) = 0;

  virtual absl::StatusOr<std::vector<StoredOutput>> Outputs(const std::string& workflow,
                                                            const std::string& task) = 0;
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
};

}  // namespace deps

#endif  // DEPS_LIB_STATE_STORE_H_
