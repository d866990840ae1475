#include "lib/agent/supervise.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "lib/agent/control.h"
#include "lib/base/status_macros.h"
#include "lib/base/steady_clock.h"
#include "lib/diag/diagnostic.h"
#include "lib/secrets/redactor.h"

extern char** environ;

namespace deps {
namespace {

constexpr int kPassedOn[] = {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2};
// What is still in the pipe when the program has ended is read; a process that
// holds it open is not waited for.
constexpr absl::Duration kAfterExit = absl::Milliseconds(100);
constexpr size_t kChunk = 16384;
constexpr size_t kMostInPipe = size_t{1} << 20;

bool IsReadable(int fd) {
  pollfd waiting = {.fd = fd, .events = POLLIN, .revents = 0};
  return poll(&waiting, 1, 0) > 0;
}

absl::Status Failed(std::string_view program, std::string_view why) {
  return MakeError({.id = DiagnosticId::kRunDriver,
                    .message = absl::StrCat("cannot run '", program, "': ", why)});
}

// NAME=VALUE and a NUL byte each; what `run` sets replaces what is there.
std::vector<SecretBuffer> EnvironmentOf(const AgentRun& run) {
  std::vector<SecretBuffer> variables;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    const std::string_view text = *variable;
    if (run.environment.count(std::string(text.substr(0, text.find('=')))) > 0) continue;
    variables.emplace_back(text);
  }
  for (const auto& [name, value] : run.environment) {
    variables.emplace_back(name);
    variables.back().Append("=");
    variables.back().Append(value.view());
  }
  for (SecretBuffer& variable : variables) variable.Append(std::string_view("\0", 1));
  return variables;
}

class Supervisor {
 public:
  explicit Supervisor(AgentRun run) : run_(std::move(run)), log_(run_.control) {
    for (const SecretBuffer& value : run_.redacted) redactor_.Add(value.view());
    run_.redacted.clear();
  }
  ~Supervisor() {
    for (const int fd : {signals_, output_}) {
      if (fd >= 0) close(fd);
    }
  }
  Supervisor(const Supervisor&) = delete;
  Supervisor& operator=(const Supervisor&) = delete;

  absl::Status Start();
  int Watch();

 private:
  [[noreturn]] void Become(char* const* envp, int out, int errors) const;
  void PassOnSignals();
  void Reap();
  bool Pump(int milliseconds);
  void Print(std::string_view text);

  AgentRun run_;
  ControlLog log_;
  Redactor redactor_;
  sigset_t old_mask_ = {};
  int signals_ = -1;
  int output_ = -1;
  pid_t pid_ = -1;
  bool printable_ = true;  // Standard output takes what is written.
  bool asked_to_stop_ = false;
  bool ended_ = false;      // The program has.
  bool all_ended_ = false;  // There is no child.
  int exit_code_ = 0;
};

void Supervisor::Become(char* const* envp, int out, int errors) const {
  setsid();
  sigprocmask(SIG_SETMASK, &old_mask_, nullptr);
  signal(SIGPIPE, SIG_DFL);
  const int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
  // An image may have no /dev/null: then there is no standard input.
  if (null >= 0) dup2(null, 0);
  if (null < 0) close(0);
  dup2(out, 1);
  dup2(out, 2);
  char* const argv[] = {const_cast<char*>(run_.program.c_str()), nullptr};
  execve(argv[0], argv, envp);
  const int error = errno;
  if (write(errors, &error, sizeof(error)) < 0) _exit(126);
  _exit(127);
}

absl::Status Supervisor::Start() {
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  signal(SIGPIPE, SIG_IGN);
  sigset_t mask;
  sigemptyset(&mask);
  for (const int number : kPassedOn) sigaddset(&mask, number);
  sigaddset(&mask, SIGCHLD);
  sigprocmask(SIG_BLOCK, &mask, &old_mask_);
  signals_ = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
  int out[2];
  int errors[2];
  if (signals_ < 0 || pipe2(out, O_CLOEXEC) != 0) return Failed(run_.program, strerror(errno));
  output_ = out[0];
  const absl::Cleanup close_out = [&] { close(out[1]); };
  if (pipe2(errors, O_CLOEXEC) != 0) return Failed(run_.program, strerror(errno));
  const absl::Cleanup close_errors = [&] { close(errors[0]); };
  {
    const std::vector<SecretBuffer> variables = EnvironmentOf(run_);
    std::vector<char*> envp;
    for (const SecretBuffer& variable : variables) {
      envp.push_back(const_cast<char*>(variable.view().data()));
    }
    envp.push_back(nullptr);
    pid_ = fork();
    if (pid_ == 0) Become(envp.data(), out[1], errors[1]);
  }
  const int fork_error = errno;
  run_.environment.clear();
  close(errors[1]);
  if (pid_ < 0) return Failed(run_.program, strerror(fork_error));
  int exec_error = 0;
  if (read(errors[0], &exec_error, sizeof(exec_error)) != sizeof(exec_error)) {
    return absl::OkStatus();
  }
  waitpid(pid_, nullptr, 0);
  return Failed(run_.program, strerror(exec_error));
}

void Supervisor::PassOnSignals() {
  signalfd_siginfo info = {};
  while (read(signals_, &info, sizeof(info)) == sizeof(info)) {
    const int number = static_cast<int>(info.ssi_signo);
    if (number == SIGCHLD) continue;
    if (number != SIGUSR1 && number != SIGUSR2) asked_to_stop_ = true;
    kill(-pid_, number);
  }
}

void Supervisor::Reap() {
  while (true) {
    int status = 0;
    const pid_t pid = waitpid(-1, &status, WNOHANG);
    if (pid < 0 && errno == EINTR) continue;
    all_ended_ = pid < 0;
    if (pid <= 0) return;
    if (pid != pid_) continue;
    ended_ = true;
    exit_code_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }
}

void Supervisor::Print(std::string_view text) {
  log_.Write(text);
  while (printable_ && !text.empty()) {
    const ssize_t count = write(1, text.data(), text.size());
    if (count < 0 && errno != EINTR) printable_ = false;
    if (count > 0) text.remove_prefix(static_cast<size_t>(count));
  }
}

// False at the end of the output.
bool Supervisor::Pump(int milliseconds) {
  std::array<pollfd, 2> waiting = {{{signals_, POLLIN, 0}, {output_, POLLIN, 0}}};
  if (poll(waiting.data(), waiting.size(), milliseconds) <= 0) return true;
  if (waiting[0].revents != 0) PassOnSignals();
  if (waiting[1].revents == 0) return true;
  std::array<char, kChunk> chunk;
  const ssize_t count = read(output_, chunk.data(), chunk.size());
  if (count <= 0) return count < 0 && errno == EINTR;
  Print(redactor_.Write({chunk.data(), static_cast<size_t>(count)}));
  return true;
}

int Supervisor::Watch() {
  bool open = true;
  // A program that the signal ended had no say in what becomes of its children.
  while (!ended_ || (asked_to_stop_ && exit_code_ > 128 && !all_ended_)) {
    if (open) open = Pump(1000);
    // Without output to wait for, only signals wake it.
    pollfd waiting = {signals_, POLLIN, 0};
    if (!open && poll(&waiting, 1, 1000) > 0) PassOnSignals();
    Reap();
  }
  kill(-pid_, SIGKILL);
  const absl::Time end = SteadyNow() + kAfterExit;
  while (open && SteadyNow() < end) open = Pump(10);
  // However late it is by now: what the program itself has written is there.
  for (size_t read = 0; open && read < kMostInPipe && IsReadable(output_); read += kChunk) {
    open = Pump(0);
  }
  Print(redactor_.Finish());
  return exit_code_;
}

}  // namespace

absl::StatusOr<int> Supervise(AgentRun run) {
  const std::string control = run.control;
  std::optional<StartMark> mark;
  if (!control.empty()) {
    DEPS_ASSIGN_OR_RETURN(StartMark made, MarkStarted(control));
    mark.emplace(std::move(made));
  }
  Supervisor supervisor(std::move(run));
  DEPS_RETURN_IF_ERROR(supervisor.Start());
  const int exit_code = supervisor.Watch();
  if (!control.empty()) DEPS_RETURN_IF_ERROR(LeaveExit(control, exit_code));
  return exit_code;
}

}  // namespace deps
