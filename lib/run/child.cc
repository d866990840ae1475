#include "lib/run/child.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "lib/base/status_macros.h"
#include "lib/base/steady_clock.h"
#include "lib/diag/diagnostic.h"
#include "lib/io/program.h"
#include "lib/state/fault_point.h"
#include "lib/state/owner.h"

extern char** environ;

namespace deps {
namespace {

constexpr int kPollMilliseconds = 50;
constexpr size_t kMaxAnswer = size_t{1} << 20;
// Output that a process left in the pipe when it ended is read; a grandchild
// that holds the pipe open is not waited for.
constexpr absl::Duration kAfterExit = absl::Milliseconds(100);
constexpr size_t kChunk = 16384;
constexpr size_t kMostInPipe = size_t{1} << 20;
// Of looking for processes: those that were killed take some time to go.
constexpr int kMostRounds = 500;

absl::Status Failed(const ChildSpec& spec, std::string_view why) {
  return MakeError({.id = DiagnosticId::kRunDriver,
                    .message = absl::StrCat("cannot run '", spec.argv[0], "': ", why)});
}

// Only what is safe between fork and exec in a process of several threads.
[[noreturn]] void Become(char* const* argv, char* const* envp, int out, int inherited, int input,
                         int errors, pid_t parent) {
  setsid();
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(127);  // It died before the line above.
  dup2(input >= 0 ? input : open("/dev/null", O_RDONLY | O_CLOEXEC), 0);
  dup2(out, 1);
  dup2(out, 2);
  // `errors`, `inherited` and `input` are above 9; see Move.
  unsigned first_closed = 3;
  if (inherited >= 0) {
    dup2(inherited, 3);
    first_closed = 4;
  }
  syscall(SYS_close_range, first_closed, ~0U, CLOSE_RANGE_CLOEXEC);
  struct sigaction standard = {};
  standard.sa_handler = SIG_DFL;
  for (const int signal : {SIGINT, SIGTERM, SIGPIPE, SIGHUP, SIGCHLD}) {
    sigaction(signal, &standard, nullptr);
  }
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  execve(argv[0], argv, envp);
  const int error = errno;
  if (write(errors, &error, sizeof(error)) < 0) _exit(126);
  _exit(127);
}

// A copy of `fd` above 9, so that dup2 in the child meets no descriptor in use.
int Move(int fd) {
  const int moved = fcntl(fd, F_DUPFD_CLOEXEC, 10);
  close(fd);
  return moved;
}

struct Child {
  pid_t pid = -1;
  int out = -1;
};

absl::StatusOr<Child> Start(const ChildSpec& spec) {
  std::vector<char*> argv;
  for (const std::string& word : spec.argv) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  std::vector<SecretBuffer> terminated;
  std::vector<char*> envp;
  for (const SecretBuffer& variable : spec.environment) {
    terminated.push_back(variable.Copy());
    terminated.back().Append(std::string_view("\0", 1));
    envp.push_back(const_cast<char*>(terminated.back().view().data()));
  }
  envp.push_back(nullptr);
  int out[2];
  int errors[2];
  if (pipe2(out, O_CLOEXEC) != 0) return Failed(spec, strerror(errno));
  if (pipe2(errors, O_CLOEXEC) != 0) {
    close(out[0]);
    close(out[1]);
    return Failed(spec, strerror(errno));
  }
  out[1] = Move(out[1]);
  errors[1] = Move(errors[1]);
  const int inherited = spec.inherited < 0 ? -1 : fcntl(spec.inherited, F_DUPFD_CLOEXEC, 10);
  const int input = spec.input < 0 ? -1 : fcntl(spec.input, F_DUPFD_CLOEXEC, 10);
  const pid_t parent = getpid();
  const pid_t pid = fork();
  if (pid == 0) {
    Become(argv.data(), envp.data(), out[1], inherited, input, errors[1], parent);
  }
  const int fork_error = errno;
  close(out[1]);
  close(errors[1]);
  if (inherited >= 0) close(inherited);
  if (input >= 0) close(input);
  int exec_error = 0;
  const bool failed =
      pid >= 0 && read(errors[0], &exec_error, sizeof(exec_error)) == sizeof(exec_error);
  close(errors[0]);
  if (pid < 0 || failed) {
    close(out[0]);
    if (pid > 0) waitpid(pid, nullptr, 0);
    return Failed(spec, strerror(pid < 0 ? fork_error : exec_error));
  }
  return Child{.pid = pid, .out = out[0]};
}

bool IsReadable(int fd) {
  pollfd waiting = {.fd = fd, .events = POLLIN, .revents = 0};
  return poll(&waiting, 1, 0) > 0;
}

// Passes on what there is, waiting up to `milliseconds`. False at the end.
bool Pump(int fd, int milliseconds, const RunWatch& watch) {
  pollfd waiting = {.fd = fd, .events = POLLIN, .revents = 0};
  if (poll(&waiting, 1, milliseconds) <= 0) return true;
  std::array<char, kChunk> chunk;
  const ssize_t count = read(fd, chunk.data(), chunk.size());
  if (count <= 0) return count < 0 && errno == EINTR;
  if (watch.output) watch.output({chunk.data(), static_cast<size_t>(count)});
  return true;
}

// Whether the process began with it. Its other variables may be secrets.
bool HasVariable(int64_t process, std::string_view variable) {
  const int fd = open(absl::StrCat("/proc/", process, "/environ").c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return false;
  const absl::Cleanup closer = [fd] { close(fd); };
  SecretBuffer environment;
  environment.Resize(kMaxAnswer);
  size_t size = 0;
  while (size < kMaxAnswer) {
    const ssize_t count = read(fd, environment.data() + size, kMaxAnswer - size);
    if (count <= 0) break;
    size += static_cast<size_t>(count);
  }
  for (const std::string_view one : absl::StrSplit(environment.view().substr(0, size), '\0')) {
    if (one == variable) return true;
  }
  return false;
}

void Signal(const ChildSpec& spec, pid_t pid, int signal) {
  kill(spec.signal_group ? -pid : pid, signal);
}

// Asks and then forces the process to end, as `watch` wants it.
class Stopper {
 public:
  Stopper(const ChildSpec& spec, const RunWatch& watch, pid_t pid)
      : spec_(spec), watch_(watch), pid_(pid) {}

  void Check() {
    const int wanted = watch_.stop ? watch_.stop() : 0;
    // The client goes; the container that it is of stays.
    if (wanted >= kLeaveRunning) {
      if (kind_ != RunEnd::Kind::kLeft) kill(pid_, SIGKILL);
      kind_ = RunEnd::Kind::kLeft;
      return;
    }
    const absl::Time now = SteadyNow();
    if (kind_ == RunEnd::Kind::kExited) {
      if (wanted == 0 && now < watch_.deadline) return;
      kind_ = wanted > 0 ? RunEnd::Kind::kStopped : RunEnd::Kind::kTimedOut;
      kill_at_ = now + watch_.grace;
      Signal(spec_, pid_, SIGTERM);
    }
    if (!killed_ && (wanted > 1 || now >= kill_at_)) {
      killed_ = true;
      Signal(spec_, pid_, SIGKILL);
    }
  }
  RunEnd::Kind kind() const { return kind_; }

 private:
  const ChildSpec& spec_;
  const RunWatch& watch_;
  const pid_t pid_;
  RunEnd::Kind kind_ = RunEnd::Kind::kExited;
  absl::Time kill_at_ = absl::InfiniteFuture();
  bool killed_ = false;
};

}  // namespace

absl::StatusOr<RunEnd> RunChild(const ChildSpec& spec, const RunWatch& watch) {
  const bool is_run = !spec.container.empty();
  if (is_run) FaultPoint("start");
  DEPS_ASSIGN_OR_RETURN(const Child child, Start(spec));
  if (is_run) FaultPoint("started");
  const absl::Cleanup closer = [&] { close(child.out); };
  int exit = 0;
  if (watch.started) {
    const absl::Status status = watch.started(child.pid, StartTimeOf(child.pid), spec.container);
    if (!status.ok()) {
      Signal(spec, child.pid, SIGKILL);
      waitpid(child.pid, &exit, 0);
      return status;
    }
  }
  Stopper stopper(spec, watch, child.pid);
  bool open = true;
  while (waitpid(child.pid, &exit, WNOHANG) == 0) {
    if (open) {
      open = Pump(child.out, kPollMilliseconds, watch);
    } else {
      absl::SleepFor(absl::Milliseconds(5));
    }
    stopper.Check();
  }
  const absl::Time end = SteadyNow() + kAfterExit;
  while (open && SteadyNow() < end) open = Pump(child.out, 10, watch);
  // However late it is by now: what the process itself has written is there.
  for (size_t read = 0; open && read < kMostInPipe && IsReadable(child.out); read += kChunk) {
    open = Pump(child.out, 0, watch);
  }
  if (is_run) FaultPoint("ended");
  // What was told to stop takes its own children with it.
  if (stopper.kind() != RunEnd::Kind::kExited && stopper.kind() != RunEnd::Kind::kLeft)
    Signal(spec, child.pid, SIGKILL);
  return RunEnd{.kind = stopper.kind(),
                .exit_code = WIFEXITED(exit) ? WEXITSTATUS(exit) : 128 + WTERMSIG(exit)};
}

void KillSession(int64_t process, int64_t start_time) {
  if (process <= 1) return;
  const int64_t present = StartTimeOf(process);
  // The number was given to another process: then no one of the session is left.
  if (present != 0 && present != start_time) return;
  DIR* const folder = opendir("/proc");
  if (folder == nullptr) return;
  while (const dirent* entry = readdir(folder)) {
    int64_t pid = 0;
    if (!absl::SimpleAtoi(entry->d_name, &pid) || pid <= 1) continue;
    if (getsid(static_cast<pid_t>(pid)) == process && StartTimeOf(pid) >= start_time) {
      kill(static_cast<pid_t>(pid), SIGKILL);
    }
  }
  closedir(folder);
}

void KillWithVariable(std::string_view variable) {
  // Each round finds what was started during the one before.
  for (int round = 0; round < kMostRounds; ++round) {
    bool found = false;
    DIR* const folder = opendir("/proc");
    if (folder == nullptr) return;
    while (const dirent* entry = readdir(folder)) {
      int64_t pid = 0;
      if (!absl::SimpleAtoi(entry->d_name, &pid) || pid <= 1 || pid == getpid()) continue;
      if (!HasVariable(pid, variable)) continue;
      found = kill(static_cast<pid_t>(pid), SIGKILL) == 0 || found;
    }
    closedir(folder);
    if (!found) return;
    absl::SleepFor(absl::Milliseconds(10));
  }
}

absl::StatusOr<std::string> OutputOf(const ChildSpec& spec, const RunWatch& watch) {
  std::string output;
  RunWatch quiet = watch;
  quiet.started = nullptr;
  quiet.output = [&output](std::string_view text) {
    output += text.substr(0, kMaxAnswer - std::min(kMaxAnswer, output.size()));
  };
  DEPS_ASSIGN_OR_RETURN(const RunEnd end, RunChild(spec, quiet));
  if (end.kind == RunEnd::Kind::kExited && end.exit_code == 0) return output;
  const std::vector<std::string_view> lines =
      absl::StrSplit(absl::StripAsciiWhitespace(output), '\n');
  return MakeError(
      {.id = DiagnosticId::kRunDriver,
       .message = absl::StrCat("'", spec.argv[0], " ", spec.argv.size() > 1 ? spec.argv[1] : "",
                               "' ended with status ", end.exit_code, ": ", lines.back())});
}

std::string FindProgram(const std::string& name) {
  const char* const path = std::getenv("PATH");
  for (const std::string_view folder : absl::StrSplit(path == nullptr ? "" : path, ':')) {
    const std::string candidate = absl::StrCat(folder.empty() ? "." : folder, "/", name);
    if (IsProgram(candidate)) return candidate;
  }
  return "";
}

std::vector<SecretBuffer> InheritedEnvironment() {
  std::vector<SecretBuffer> environment;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    environment.emplace_back(*variable);
  }
  return environment;
}

}  // namespace deps
