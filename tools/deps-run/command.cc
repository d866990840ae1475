#include "tools/deps-run/command.h"

#include <sys/prctl.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "lib/base/status_macros.h"
#include "lib/cli/command.h"
#include "lib/io/large_text.h"
#include "lib/model/plan_reader.h"
#include "lib/run/report.h"
#include "lib/state/open_store.h"
#include "lib/state/ulid.h"
#include "tools/deps-run/engine_run.h"
#include "tools/deps-run/session.h"
#include "tools/deps-run/verbs.h"

namespace deps {
namespace {

CommandSpec Describe(RunCommandOptions* options) {
  CommandSpec spec = {
      .name = "deps-run",
      .summary = "run a plan of bundles, and look after what was run",
      .description =
          "Runs the tasks of a plan, independent ones at the same time, each after those that it "
          "needs. A task that fails stops only what needs it.\n\n"
          "Every step is in the state before the next one begins: after a failure, an interruption "
          "or a crash 'deps-run resume ID' goes on where it stopped.\n\n"
          "Secrets are resolved immediately before a task starts and reach it by memory only; "
          "sensitive outputs are sealed in the state, or go to the plan's sink. A value that its "
          "sink does not take in time is sealed, and 'deps-run resume' puts it there without "
          "running the bundle again. Logs are redacted. A bundle may leave 16 MiB in each output "
          "and 256 MiB in all.\n\n"
          "A reference to a secret is env:NAME, file:PATH, fd:N, command:WORDS, "
          "vault:MOUNT/PATH#FIELD (also openbao:; ?version=N), kubernetes:NAMESPACE/NAME#KEY, or "
          "NAME:LOCATOR[#FIELD][?version=N] of a program deps-secret-NAME on PATH. That is called "
          "with get or put and reads and writes JSON: {\"apiVersion\":\"cnab-deps/secret/v1\","
          "\"refs\":[{\"id\",\"locator\",\"field\",\"version\"}]} for "
          "{\"values\":[{\"id\",\"base64\"}]}, and the other way round.",
      .operands = "[PLAN]",
      .verbs = RunVerbs(),
      .reads = "a Plan document",
      .writes = "a Workflow document",
      .exit_one = "A task failed, or the workflow was canceled.",
      .examples = {{"deps-plan solution.json | deps-run", "Run a plan with podman."},
                   {"deps-run resume 01J8ZQ4W6M9T0X3Y5K7N2P1R8S", "Go on after a failure."},
                   {"deps-run --driver process:./run.sh plan.json",
                    "Try a plan out with a program instead of images."}},
      .environment =
          {"DEPS_AGENT  path of deps-agent, which otherwise lies beside deps-run",
           "DEPS_SECRET_TIMEOUT  how long a provider may take to answer, and a sink to take a "
           "value, by default 60s",
           "DEPS_STATE_KEY_FILE  key of sealed outputs; by default beside the state",
           "VAULT_ADDR, VAULT_NAMESPACE, VAULT_CACERT, VAULT_TOKEN, VAULT_TOKEN_FILE  the "
           "store of vault: references; BAO_ instead of VAULT_ will do",
           "DEPS_VAULT_AUTH  approle, kubernetes or jwt instead of token, with "
           "DEPS_VAULT_ROLE_ID and DEPS_VAULT_SECRET_ID (or DEPS_VAULT_SECRET_ID_FILE), or "
           "DEPS_VAULT_ROLE and DEPS_VAULT_JWT_FILE; DEPS_VAULT_AUTH_MOUNT",
           "KUBECONFIG  the cluster of kubernetes: references, outside of a pod",
           "CONTAINERS_CONF, CONTAINERS_STORAGE_CONF  podman's own settings",
           "TMPDIR  where a plan of more than 4 MiB is kept while it is read, by default /tmp",
           "XDG_RUNTIME_DIR  folder in memory for files of a task; else /dev/shm"},
      .see_also = {"deps-plan(1)", "podman(1)"},
  };
  spec.options = {
      Value("engine", "NAME", &options->engine,
            "What runs the tasks: local, or an engine that a plugin deps-engine-NAME brings."),
      Value("engine-config", "FILE", &options->engine_config,
            "The settings of that engine, a JSON object; its manual page names them."),
      Value("driver", "DRIVER", &options->driver,
            "How a bundle is run: podman, docker, runc (images come straight from their "
            "registries; no engine is needed), NAME of a program cnab-NAME on PATH (CNAB's "
            "command driver), or process:PATH, which runs the program PATH as every bundle's run "
            "tool, with files below $CNAB_ROOT instead of /. By default the first of the first "
            "three that is installed."),
      Value("mapping", "FILE", &options->mapping,
            "A relocation mapping, in which every image is looked up first."),
      Value("jobs", "N", &options->jobs,
            "Run up to N tasks at the same time. By default as many as there are processors."),
      Flag("fail-fast", &options->fail_fast, "After a failure start nothing more."),
      Value("retries", "N", &options->retries, "Try a task that fails up to N more times."),
      Value("timeout", "DURATION", &options->timeout,
            "Stop an attempt that takes longer, such as 90s or 1h30m."),
      Value("grace", "DURATION", &options->grace,
            "How long a task that is asked to stop may take before it is killed. By default 30s."),
      Value("patience", "DURATION", &options->patience,
            "How long a state that does not answer is waited for. By default 1m."),
      Value("lease", "DURATION", &options->lease,
            "After how long without a sign another process may take this one's tasks over. By "
            "default 30s."),
      Flag("detach", &options->detach,
           "Leave the plan to the workers of the state, and do not wait for them."),
      Value("step", "TASK", &options->step,
            "Run this task of the plan alone. All steps of one plan are in one workflow, which is "
            "finished by the last; for make."),
      Value("workflow", "ID", &options->workflow,
            "With --step: join the workflow of this id, or make it, instead of the one of the plan "
            "that has not ended; a task that has succeeded in it is not run again."),
      Flag("drain", &options->drain, "With worker: end when nothing is left to do."),
      Flag("follow", &options->follow,
           "With logs: go on as they grow, until the workflow has ended."),
      Flag("explain", &options->explain,
           "With resume: tell of each task whether it is run again, and why; run nothing."),
      Flag("events", &options->events, "Write events, one JSON object a line, as they happen."),
      Flag("dry-run", &options->dry_run,
           "Check the plan and the driver, and run nothing. With --engine: show the engine's "
           "documents, and ask it whether it would take them."),
      Flag("reveal", &options->reveal, "With outputs: print the value of a sensitive output."),
  };
  AddStateOption(&spec, &options->state);
  AddRegistryOptions(&spec, &options->registry);
  AddCommonOptions(&spec, &options->common, {"json", "table", "html"});
  return spec;
}

// The workflow that --workflow names, made by the first step that comes.
absl::StatusOr<std::string> JoinNamed(const PlanReader& plan, const WorkflowStart& start,
                                      const std::string& id, const Session& session) {
  if (!IsUlid(id)) {
    return MakeError({.id = DiagnosticId::kUsage, .message = "--workflow takes a ULID"});
  }
  absl::StatusOr<StoredWorkflow> stored = session.store->FindWorkflow(id);
  if (HasId(stored.status(), DiagnosticId::kStateUnknownWorkflow)) {
    const absl::Status made = session.store->CreateWorkflow(id, plan, start, session.owner);
    // Another step may have been faster.
    stored = session.store->FindWorkflow(id);
    if (!stored.ok() && !made.ok()) return made;
  }
  DEPS_RETURN_IF_ERROR(stored.status());
  if (stored->plan == plan.head().digest) return id;
  return MakeError({.id = DiagnosticId::kUsage,
                    .message = absl::StrCat("the workflow ", id, " has another plan")});
}

// One task of a plan, for make: all steps of a plan are in one workflow.
absl::StatusOr<ExitCode> RunStep(const PlanReader& plan, const std::string& driver_name,
                                 Driver& driver, const RunCommandOptions& options, const Env& env,
                                 Terminal& terminal) {
  DEPS_ASSIGN_OR_RETURN(RunOptions run, MakeRunOptions(options, env));
  DEPS_ASSIGN_OR_RETURN(const WorkflowStart start, MakeStart(options, driver_name, "step", env));
  std::optional<bool> begins;  // Whether it needs nothing.
  DEPS_RETURN_IF_ERROR(plan.ForEachTask([&](const PlannedTask& task) {
    if (task.id == options.step) begins = task.needs.empty();
    return absl::OkStatus();
  }));
  if (!begins.has_value()) {
    return MakeError({.id = DiagnosticId::kUsage,
                      .message = absl::StrCat("the plan has no task '", options.step, "'")});
  }
  DEPS_ASSIGN_OR_RETURN(Session session, OpenSession(options, env));
  DEPS_RETURN_IF_ERROR(CheckClashes(plan, *session.store));
  DEPS_ASSIGN_OR_RETURN(const std::string id,
                        options.workflow.empty()
                            ? session.store->JoinSteps(NewUlid(), plan, start, *begins)
                            : JoinNamed(plan, start, options.workflow, session));
  DEPS_ASSIGN_OR_RETURN(const Workflow workflow, session.store->Document(id));
  // Where the last step's process died, the workflow is still to be finished.
  const bool finished =
      workflow.status != "running" ||
      std::any_of(workflow.tasks.begin(), workflow.tasks.end(), [](const WorkflowTask& task) {
        return task.status == "pending" || task.status == "running" || task.status == "unknown";
      });
  for (const WorkflowTask& task : workflow.tasks) {
    if (!finished || task.id != options.step || task.status != "succeeded") continue;
    DEPS_RETURN_IF_ERROR(WriteWorkflow(workflow, *session.store, options, env));
    return ExitCode::kOk;
  }
  DEPS_RETURN_IF_ERROR(session.store->TakeWorkflow(id, start, session.owner, {options.step}));
  run.shared = true;
  run.only = options.step;
  return Drive(id, session.owner, *session.store, driver, std::move(run), options, env, terminal);
}

absl::StatusOr<PlanReader> OpenPlan(const std::string& operand, const Env& env) {
  DEPS_ASSIGN_OR_RETURN(LargeText text, ReadLargeOperand(operand, env));
  const std::string name = text.name();
  DEPS_ASSIGN_OR_RETURN(PlanReader plan, PlanReader::Open(std::move(text)));
  if (const absl::Status status = CheckPlan(plan, env.getenv); !status.ok()) {
    return WithFile(status, name);
  }
  return plan;
}

// Gives the id. The state has the plan then, and the memory no longer.
absl::StatusOr<std::string> BeginWorkflow(PlanReader plan, const WorkflowStart& start,
                                          const Session& session) {
  DEPS_RETURN_IF_ERROR(CheckClashes(plan, *session.store));
  const std::string id = NewUlid();
  DEPS_RETURN_IF_ERROR(session.store->CreateWorkflow(id, plan, start, session.owner));
  return id;
}

absl::StatusOr<ExitCode> RunPlan(const std::string& operand, const RunCommandOptions& options,
                                 const Env& env, Terminal& terminal) {
  DEPS_RETURN_IF_ERROR(
      (options.dry_run ? ReadRunOptions(options, env) : MakeRunOptions(options, env)).status());
  DEPS_ASSIGN_OR_RETURN(PlanReader plan, OpenPlan(operand, env));
  if (options.engine != "local") {
    if (!options.step.empty()) {
      return MakeError({.id = DiagnosticId::kUsage, .message = "--step does not go with --engine"});
    }
    return RunOnEngine(plan.Whole(), options, env, terminal);
  }
  if (!options.engine_config.empty()) {
    return MakeError({.id = DiagnosticId::kUsage,
                      .message = "--engine-config is for an engine that --engine names"});
  }
  const std::string name = options.driver.empty() ? DefaultDriver() : options.driver;
  DEPS_ASSIGN_OR_RETURN(const auto driver, OpenDriver(options, name, env));
  DEPS_RETURN_IF_ERROR(CheckBundles(plan, *driver));
  if (options.dry_run) {
    DEPS_ASSIGN_OR_RETURN(const Workflow pending, PendingWorkflow(plan));
    DEPS_RETURN_IF_ERROR(WriteWorkflow(
        pending, [&]() -> absl::StatusOr<Plan> { return plan.Whole(); }, options, env));
    return ExitCode::kOk;
  }
  if (!options.step.empty()) return RunStep(plan, name, *driver, options, env, terminal);
  DEPS_ASSIGN_OR_RETURN(RunOptions run, MakeRunOptions(options, env));
  DEPS_ASSIGN_OR_RETURN(const WorkflowStart start,
                        MakeStart(options, name, options.detach ? "shared" : "run", env));
  DEPS_ASSIGN_OR_RETURN(Session session, OpenSession(options, env));
  DEPS_ASSIGN_OR_RETURN(const std::string id, BeginWorkflow(std::move(plan), start, session));
  if (options.detach) {
    DEPS_ASSIGN_OR_RETURN(const Workflow workflow, session.store->Document(id));
    DEPS_RETURN_IF_ERROR(WriteWorkflow(workflow, *session.store, options, env));
    return ExitCode::kOk;
  }
  return Drive(id, session.owner, *session.store, *driver, std::move(run), options, env, terminal);
}

}  // namespace

ExitCode RunDepsRun(absl::Span<const std::string> args, const Env& env) {
  // Values of secrets go through this memory: no core dump, no debugger.
  prctl(PR_SET_DUMPABLE, 0);
  RunCommandOptions options;
  const CommandSpec spec = Describe(&options);
  return RunCommand(spec, options.common, args, env,
                    [&options](const Invocation& invocation, const Env& world,
                               Terminal& terminal) -> absl::StatusOr<ExitCode> {
                      if (!invocation.verb.empty()) {
                        return RunVerb(invocation, options, world, terminal);
                      }
                      const std::string operand =
                          invocation.operands.empty() ? "" : invocation.operands[0];
                      return RunPlan(operand, options, world, terminal);
                    });
}

}  // namespace deps
