#include "tools/deps-agent/command.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <functional>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "lib/agent/fence.h"
#include "lib/agent/frame.h"
#include "lib/agent/step.h"
#include "lib/agent/supervise.h"
#include "lib/agent/task.h"
#include "lib/base/status_macros.h"
#include "lib/cli/command.h"
#include "lib/diag/diagnostic.h"
#include "lib/io/file.h"

extern char** environ;

namespace deps {
namespace {

// As podman and docker have it: the run tool was not started.
constexpr ExitCode kNotStarted = static_cast<ExitCode>(125);

struct AgentOptions {
  CommonOptions common;
  int64_t frame = kFrameDescriptor;
  std::string step;
  int64_t files = 0;
};

// Where Kubernetes looks for a container's last words, and how many it takes.
constexpr char kLastWords[] = "/dev/termination-log";
constexpr size_t kMaxLastWords = 4096;

// So long an API server may take to say that this is the first start.
constexpr absl::Duration kFenceTime = absl::Minutes(2);

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
          "In a pod it is there twice. 'deps-agent install FOLDER' in an init container copies the "
          "program into a folder that the pod's containers share, and notes in the cluster that "
          "the "
          "attempt has begun, or refuses to begin it again: so the bundle's container needs no "
          "account of the cluster. 'deps-agent exec --step FILE -- "
          "PROGRAM' in the bundle's own container does what the document Step says, which an "
          "engine has put there, and leaves in /dev/termination-log why a task has failed that its "
          "run tool did not fail.\n\n"
          "It is linked statically, as a bundle's image may hold nothing else.",
      .operands = "[TASK] | install FOLDER | exec [PROGRAM]",
      .max_operands = 2,
      .reads = "an AgentTask document, or what deps-run hands over",
      .exit_one = "The run tool ended with this status: each of its statuses is the agent's.",
      .environment =
          {"DEPS_SECRET_FOLDER  a tmpfs for files with secrets; by default /dev/shm",
           "VAULT_ADDR, DEPS_VAULT_AUTH and others  as deps-run has them",
           "DEPS_POD_NAME, DEPS_POD_UID, DEPS_WORKFLOW  with install: the pod and its Workflow; "
           "an attempt is started once in the cluster, by a Lease of the pod's name",
           "DEPS_RUN  a name of the run and when it began, in seconds since "
           "1970; all attempts in it have one CNAB_REVISION"},
      .see_also = {"deps-run(1)"},
  };
  spec.options = {
      Value("frame", "N", &options->frame,
            "The descriptor to read from; 0 where a container engine passes on no other."),
      Value("step", "FILE", &options->step, "With exec: the document Step, in JSON or in base64."),
      Value("files", "N", &options->files,
            "With install: make empty files 0 to N-1 in DEPS_SECRET_FOLDER, which any user may "
            "write. An engine mounts them where inputs are to be, in folders that the image's user "
            "may not write to."),
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

// A copy: the agent takes from its environment what proves who it is.
Getenv CopyOfEnvironment() {
  std::map<std::string, std::string, std::less<>> variables;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    const std::pair<std::string, std::string> parts =
        absl::StrSplit(*variable, absl::MaxSplits('=', 1));
    variables.insert(parts);
  }
  return [variables = std::move(variables)](std::string_view name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    return found == variables.end() ? std::nullopt : std::optional(found->second);
  };
}

absl::StatusOr<AgentResult> RunTask(const AgentTask& task, const Getenv& getenv,
                                    Terminal& terminal) {
  DEPS_ASSIGN_OR_RETURN(AgentResult result, RunAgentTask(task, getenv));
  for (const std::string& note : result.notes) {
    terminal.Report({.id = DiagnosticId::kRunFailed,
                     .severity = Severity::kWarning,
                     .message = absl::StrCat("the image's user may not write ", note)});
  }
  for (const std::string& problem : result.problems) {
    terminal.Report({.id = DiagnosticId::kRunFailed, .message = problem});
  }
  return result;
}

absl::StatusOr<ExitCode> RunDocument(const std::string& operand, const Env& env,
                                     Terminal& terminal) {
  DEPS_ASSIGN_OR_RETURN(const Source source, ReadOperand(operand, env));
  const absl::StatusOr<AgentTask> task = ParseAgentTask(source);
  if (!task.ok()) return WithFile(task.status(), source.name);
  DEPS_ASSIGN_OR_RETURN(const AgentResult result, RunTask(*task, CopyOfEnvironment(), terminal));
  return static_cast<ExitCode>(result.exit_code);
}

void LeaveLastWords(std::string_view words) {
  // Only where somebody reads them.
  const int fd = open(kLastWords, O_WRONLY | O_TRUNC | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) return;
  words = words.substr(0, kMaxLastWords);
  if (write(fd, words.data(), words.size()) >= 0) fsync(fd);
  close(fd);
}

// For any user of the pod's containers; nobody else sees the volume.
absl::Status MakeFiles(int64_t count, const Getenv& getenv) {
  const std::string folder = getenv("DEPS_SECRET_FOLDER").value_or("/dev/shm");
  for (int64_t i = 0; i < count; ++i) {
    const std::string path = absl::StrCat(folder, "/", i);
    DEPS_RETURN_IF_ERROR(WriteFile(path, ""));
    if (chmod(path.c_str(), 0666) != 0) {
      return MakeError({.id = DiagnosticId::kFileWrite,
                        .message = absl::StrCat("'", path, "': ", strerror(errno))});
    }
  }
  return absl::OkStatus();
}

absl::Status Install(const std::string& folder, int64_t files) {
  const Getenv getenv = CopyOfEnvironment();
  DEPS_RETURN_IF_ERROR(MakeFiles(files, getenv));
  DEPS_ASSIGN_OR_RETURN(const Source program, ReadFile("/proc/self/exe"));
  DEPS_RETURN_IF_ERROR(WriteFile(absl::StrCat(folder, "/deps-agent"), program.text, 0755));
  return FenceAttempt(getenv, absl::Now() + kFenceTime);
}

absl::StatusOr<AgentResult> RunStep(const std::string& file, const std::string& program,
                                    Terminal& terminal) {
  DEPS_ASSIGN_OR_RETURN(const Source source, ReadFile(file));
  const absl::StatusOr<AgentStep> step = ParseStep(source);
  if (!step.ok()) return WithFile(step.status(), source.name);
  const Getenv getenv = CopyOfEnvironment();
  DEPS_ASSIGN_OR_RETURN(AgentTask task, TaskOfStep(*step, getenv));
  if (!program.empty()) task.program = program;
  return RunTask(task, getenv, terminal);
}

absl::StatusOr<ExitCode> Execute(const AgentOptions& options, const std::string& program,
                                 Terminal& terminal) {
  const absl::StatusOr<AgentResult> result = RunStep(options.step, program, terminal);
  if (!result.ok()) {
    LeaveLastWords(DiagnosticsOf(result.status())[0].message);
    return result.status();
  }
  LeaveLastWords(absl::StrJoin(result->problems, "; "));
  return static_cast<ExitCode>(result->exit_code);
}

absl::StatusOr<ExitCode> RunAgent(const AgentOptions& options, const Invocation& invocation,
                                  const Env& env, Terminal& terminal) {
  const std::vector<std::string>& operands = invocation.operands;
  if (operands.empty()) return RunFrame(static_cast<int>(options.frame));
  if (operands[0] == "install" && operands.size() == 2) {
    const absl::Status installed = Install(operands[1], options.files);
    if (installed.ok()) return ExitCode::kOk;
    LeaveLastWords(DiagnosticsOf(installed)[0].message);
    return installed;
  }
  if (operands[0] == "exec" && operands.size() <= 2 && !options.step.empty()) {
    return Execute(options, operands.size() == 2 ? operands[1] : "", terminal);
  }
  if (operands.size() == 1 && operands[0] != "install" && operands[0] != "exec") {
    return RunDocument(operands[0], env, terminal);
  }
  return MakeError(
      {.id = DiagnosticId::kUsage, .message = "not a way to call it: see deps-agent --help"});
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
                                         RunAgent(options, invocation, world, terminal);
                                     started = status.ok();
                                     return status;
                                   });
  return started || code == ExitCode::kOk ? code : kNotStarted;
}

}  // namespace deps
