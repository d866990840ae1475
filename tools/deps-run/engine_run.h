// Workflows that run on another engine (deps-engine-NAME): the whole plan is
// submitted, and this process follows it and keeps the state as ever.
#ifndef DEPS_TOOLS_DEPS_RUN_ENGINE_RUN_H_
#define DEPS_TOOLS_DEPS_RUN_ENGINE_RUN_H_

#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "lib/cli/command.h"
#include "lib/cli/env.h"
#include "lib/model/plan.h"
#include "lib/state/store.h"
#include "tools/deps-run/logs.h"
#include "tools/deps-run/session.h"

namespace deps {

// Submits the plan and follows it to its end; with --detach returns once it is
// submitted, with --dry-run shows the engine's own documents.
//
// Errors: those of FindEngine, Engine and ResidualPlan; engine-unsupported where
// the engine does not offer what the plan or an option needs, before anything is
// submitted.
absl::StatusOr<ExitCode> RunOnEngine(const Plan& plan, const RunCommandOptions& options,
                                     const Env& env, Terminal& terminal);

// Follows the run that was submitted, if it goes on; else submits what remains
// as the next revision. Needs nothing of the engine but to submit.
absl::StatusOr<ExitCode> ResumeOnEngine(const StoredWorkflow& stored,
                                        const RunCommandOptions& options, const Env& env,
                                        Terminal& terminal);

// What the tasks of the workflow printed, on all of its runs there.
absl::StatusOr<std::unique_ptr<LogSource>> OpenEngineLogs(const StoredWorkflow& stored,
                                                          const Env& env);

// Stops a run that no process follows.
absl::Status CancelOnEngine(const StoredWorkflow& stored, const Env& env);

// Has the engine forget the run.
absl::Status DeleteOnEngine(const StoredWorkflow& stored, const Env& env);

}  // namespace deps

#endif  // DEPS_TOOLS_DEPS_RUN_ENGINE_RUN_H_
