// What deps-run was asked for, and the parts that it works with.
#ifndef DEPS_TOOLS_DEPS_RUN_SESSION_H_
#define DEPS_TOOLS_DEPS_RUN_SESSION_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "lib/cli/command.h"
#include "lib/cli/env.h"
#include "lib/model/plan.h"
#include "lib/oci/registry_options.h"
#include "lib/run/driver.h"
#include "lib/run/scheduler.h"
#include "lib/state/owner.h"
#include "lib/state/state_option.h"
#include "lib/state/store.h"

namespace deps {

struct RunCommandOptions {
  CommonOptions common;
  StateOptions state;
  AccessOptions registry;
  std::string engine = "local";
  std::string engine_config;  // A file.
  std::string driver;         // "": podman, or that of the workflow that is resumed.
  std::string mapping;
  int64_t jobs = 0;  // 0: as many as there are processors.
  int64_t retries = 0;
  std::string timeout;
  std::string grace;
  bool fail_fast = false;
  bool events = false;
  bool dry_run = false;
  bool reveal = false;
  bool detach = false;
  bool explain = false;
  bool drain = false;
  bool follow = false;
  std::string step;
  std::string workflow;  // With step; "": the plan's own.
  std::string lease;
  std::string patience;
};

// A state, with this process as one that runs tasks in it.
struct Session {
  std::unique_ptr<Store> store;
  Owner owner;
};
absl::StatusOr<Session> OpenSession(const RunCommandOptions& options, const Env& env);

// What a workflow is started with: the driver, and those options that go with it
// to whoever runs it.
absl::StatusOr<WorkflowStart> MakeStart(const RunCommandOptions& options, const std::string& driver,
                                        const std::string& mode, const Env& env);

// What the options say about a run, without the folders of its state: a dry run
// needs no more. Errors: usage for numbers and durations that make no sense.
absl::StatusOr<RunOptions> ReadRunOptions(const RunCommandOptions& options, const Env& env);

// The same with the folders. Errors: usage where nothing tells where the state is, too.
absl::StatusOr<RunOptions> MakeRunOptions(const RunCommandOptions& options, const Env& env);

absl::StatusOr<std::unique_ptr<Driver>> OpenDriver(const RunCommandOptions& options,
                                                   const std::string& name, const Env& env);

// Runs a workflow that `owner` holds, or shares where run.shared: tells its progress, heeds SIGINT
// and SIGTERM, writes the document or events, and reports tasks that failed.
absl::StatusOr<ExitCode> Drive(const std::string& id, const Owner& owner, Store& store,
                               Driver& driver, RunOptions run, const RunCommandOptions& options,
                               const Env& env, Terminal& terminal);

// Runs what others left to workers, until a signal comes; with --drain until
// nothing is left to do.
absl::StatusOr<ExitCode> Work(const RunCommandOptions& options, const Env& env, Terminal& terminal);

// What `start`, that of a workflow, says, unless this command line says otherwise.
absl::StatusOr<RunOptions> OptionsFor(const WorkflowStart& start, const RunCommandOptions& options,
                                      const Env& env);

// Writes a Workflow in the format that was asked for. A page shows its plan, too,
// which `read_plan` gives.
absl::Status WriteWorkflow(const Workflow& workflow,
                           absl::FunctionRef<absl::StatusOr<Plan>()> read_plan,
                           const RunCommandOptions& options, const Env& env);
// The same of one that is in a state.
absl::Status WriteWorkflow(const Workflow& workflow, Store& store, const RunCommandOptions& options,
                           const Env& env);

}  // namespace deps

#endif  // DEPS_TOOLS_DEPS_RUN_SESSION_H_
