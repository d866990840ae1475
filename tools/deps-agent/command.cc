#include "tools/deps-agent/command.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdint>
#include <utility>

#include "absl/strings/str_cat.h"
#include "lib/agent/frame.h"
#include "lib/agent/supervise.h"
#include "lib/base/status_macros.h"
#include "lib/cli/command.h"

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
          "It is linked statically, as a bundle's image may hold nothing else.",
      .max_operands = 0,
      .exit_one = "The run tool ended with this status: each of its statuses is the agent's.",
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

}  // namespace

ExitCode RunDepsAgent(absl::Span<const std::string> args, const Env& env) {
  // Values go through this memory: no core dump, no debugger.
  prctl(PR_SET_DUMPABLE, 0);
  const rlimit none = {};
  setrlimit(RLIMIT_CORE, &none);
  AgentOptions options;
  bool started = false;
  const ExitCode code = RunCommand(
      Describe(&options), options.common, args, env,
      [&](const Invocation&, const Env&, Terminal&) -> absl::StatusOr<ExitCode> {
        const absl::StatusOr<ExitCode> status = RunFrame(static_cast<int>(options.frame));
        started = status.ok();
        return status;
      });
  return started || code == ExitCode::kOk ? code : kNotStarted;
}

}  // namespace deps
