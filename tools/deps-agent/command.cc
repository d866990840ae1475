#include "tools/deps-agent/command.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "lib/agent/frame.h"
#include "lib/agent/supervise.h"
#include "lib/agent/task.h"
#include "lib/base/status_macros.h"
#include "lib/cli/command.h"

extern char** environ;

namespace deps {
namespace {

// As podman and docker have it: the run tool was not started.
constexpr ExitCode kNotStarted = static_cast<ExitCode>(125);

struct AgentOptions {
  CommonOptions common;
  int64_t frame = kFrameDescriptor;
};

CommandSpec Describe(AgentOptions* options) {
  CommandSpec spec = {
      .name = "deps-agent",
      .summary = "start a bundle's run tool with values that are written nowhere",
      .description =
          "deps-run makes it the entry point of a bundle's container, as process 1. It reads "
          "variables, among them credentials, from a descriptor that it inherits, starts "
          "/cnab/app/run with them, passes signals on, keeps the values out of what is printed, "
          "and leaves the exit status in a folder that it shares with deps-run, so that a run "
          "goes on where deps-run died.\n\n"
          "In a job of a cluster it reads an AgentTask document instead. That holds references to "
          "secrets; the agent fetches their values under the job's own identity, makes files in "
          "memory, starts the run tool, stores sensitive outputs where the document says, and "
          "writes the others into a result document.\n\n"
          "It is linked statically, as a bundle's image may hold nothing else.",
      .operands = "[TASK]",
      .reads = "an AgentTask document, or what deps-run hands over",
      .exit_one = "The run tool ended with this status: each of its statuses is the agent's.",
      .environment = {"DEPS_SECRET_FOLDER  a tmpfs for files with secrets; by default /dev/shm",
                      "VAULT_ADDR, DEPS_VAULT_AUTH and others  as deps-run has them"},
      .see_also = {"deps-run(1)"},
  };
  spec.options = {
      Value("frame", "N", &options->frame,
            "The descriptor to read from; 0 where a container engine passes on no other."),
  };
  AddCommonOptions(&spec, &options->common);
  return spec;
}

absl::StatusOr<ExitCode> RunFrame(int fd) {
  DEPS_ASSIGN_OR_RETURN(AgentRun run, ReadFrame(fd));
  close(fd);
  DEPS_ASSIGN_OR_RETURN(const int status, Supervise(std::move(run)));
  return static_cast<ExitCode>(status);
}

absl::StatusOr<ExitCode> RunDocument(const std::string& operand, const Env& env,
                                     Terminal& terminal) {
  DEPS_ASSIGN_OR_RETURN(const Source source, ReadOperand(operand, env));
  const absl::StatusOr<AgentTask> task = ParseAgentTask(source);
  if (!task.ok()) return WithFile(task.status(), source.name);
  // A copy: the agent takes from its environment what proves who it is.
  std::map<std::string, std::string, std::less<>> variables;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    const std::pair<std::string, std::string> parts =
        absl::StrSplit(*variable, absl::MaxSplits('=', 1));
    variables.insert(parts);
  }
  const auto getenv = [&](std::string_view name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    return found == variables.end() ? std::nullopt : std::optional(found->second);
  };
  DEPS_ASSIGN_OR_RETURN(const AgentResult result, RunAgentTask(*task, getenv));
  for (const std::string& problem : result.problems) {
    terminal.Report({.id = DiagnosticId::kRunFailed, .message = problem});
  }
  return static_cast<ExitCode>(result.exit_code);
}

}  // namespace

ExitCode RunDepsAgent(absl::Span<const std::string> args, const Env& env) {
  // Values go through this memory: no core dump, no debugger.
  prctl(PR_SET_DUMPABLE, 0);
  const rlimit none = {};
  setrlimit(RLIMIT_CORE, &none);
  AgentOptions options;
  bool started = false;
  const ExitCode code = RunCommand(Describe(&options), options.common, args, env,
                                   [&](const Invocation& invocation, const Env& world,
                                       Terminal& terminal) -> absl::StatusOr<ExitCode> {
                                     const absl::StatusOr<ExitCode> status =
                                         invocation.operands.empty()
                                             ? RunFrame(static_cast<int>(options.frame))
                                             : RunDocument(invocation.operands[0], world, terminal);
                                     started = status.ok();
                                     return status;
                                   });
  return started || code == ExitCode::kOk ? code : kNotStarted;
}

}  // namespace deps
