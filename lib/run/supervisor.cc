#include "lib/run/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "lib/agent/control.h"
#include "lib/base/status_macros.h"
#include "lib/base/steady_clock.h"
#include "lib/diag/diagnostic.h"
#include "lib/run/supervisor_process.h"
#include "lib/state/fault_point.h"
#include "lib/state/owner.h"

namespace deps {
namespace {

constexpr int kPollMilliseconds = 50;
// How long what is left in a pipe is waited for where some other process holds it.
constexpr absl::Duration kAfterExit = absl::Milliseconds(100);
constexpr size_t kChunk = 65536;
constexpr size_t kMostInPipe = size_t{1} << 20;
// How long a supervisor may take to leave how a process ended.
constexpr absl::Duration kForExit = absl::Seconds(5);

absl::Status Trouble(std::string_view what, int error) {
  return MakeError(
      {.id = DiagnosticId::kRunDriver, .message = absl::StrCat(what, ": ", strerror(error))});
}

void AppendNumber(size_t number, SecretBuffer* message) {
  for (int i = 0; i < 4; ++i) {
    const char byte = static_cast<char>(number >> (8 * i));
    message->Append({&byte, 1});
  }
}

void AppendPart(std::string_view part, SecretBuffer* message) {
  AppendNumber(part.size() + 1, message);
  message->Append(part);
  message->Append(std::string_view("\0", 1));
}

SecretBuffer MessageOf(const SupervisedRun& run) {
  SecretBuffer body;
  AppendPart(run.control, &body);
  AppendNumber(run.argv.size(), &body);
  for (const std::string& word : run.argv) AppendPart(word, &body);
  AppendNumber(run.environment.size(), &body);
  for (const SecretBuffer& variable : run.environment) AppendPart(variable.view(), &body);
  for (const SecretBuffer& value : run.redacted) AppendPart(value.view(), &body);
  SecretBuffer message;
  AppendNumber(body.size(), &message);
  message.Append(body.view());
  return message;
}

bool SendWith(int socket, std::string_view bytes, const std::vector<int>& descriptors) {
  alignas(cmsghdr) char control[CMSG_SPACE(2 * sizeof(int))] = {};
  const size_t size = descriptors.size() * sizeof(int);
  bool passed = descriptors.empty();  // With the first bytes.
  while (!bytes.empty()) {
    iovec part = {.iov_base = const_cast<char*>(bytes.data()), .iov_len = bytes.size()};
    msghdr message = {};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    if (!passed) {
      message.msg_control = control;
      message.msg_controllen = CMSG_SPACE(size);
      cmsghdr* const header = CMSG_FIRSTHDR(&message);
      header->cmsg_level = SOL_SOCKET;
      header->cmsg_type = SCM_RIGHTS;
      header->cmsg_len = CMSG_LEN(size);
      memcpy(CMSG_DATA(header), descriptors.data(), size);
    }
    const ssize_t count = sendmsg(socket, &message, MSG_NOSIGNAL);
    if (count < 0 && errno != EINTR) return false;
    if (count <= 0) continue;
    bytes.remove_prefix(static_cast<size_t>(count));
    passed = true;
  }
  return true;
}

// Passes on what there is. False at the end of the stream.
bool Pass(int fd, const RunWatch& watch) {
  std::array<char, kChunk> chunk;
  const ssize_t count = read(fd, chunk.data(), chunk.size());
  if (count <= 0) return count < 0 && (errno == EINTR || errno == EAGAIN);
  if (watch.output) watch.output({chunk.data(), static_cast<size_t>(count)});
  return true;
}

void PassRest(int fd, const RunWatch& watch) {
  const absl::Time end = SteadyNow() + kAfterExit;
  while (SteadyNow() < end) {
    pollfd waiting = {.fd = fd, .events = POLLIN, .revents = 0};
    if (poll(&waiting, 1, 10) > 0 && !Pass(fd, watch)) return;
  }
  // However late it is by now: what the program itself has written is there.
  for (size_t read = 0; read < kMostInPipe; read += kChunk) {
    pollfd waiting = {.fd = fd, .events = POLLIN, .revents = 0};
    if (poll(&waiting, 1, 0) <= 0 || !Pass(fd, watch)) return;
  }
}

// Asks and then forces a process to end, as the watch wants it.
template <typename Signal>
class Stopper {
 public:
  Stopper(const RunWatch& watch, Signal signal) : watch_(watch), signal_(std::move(signal)) {}

  void Check() {
    const int wanted = watch_.stop ? watch_.stop() : 0;
    const absl::Time now = SteadyNow();
    if (kind_ == RunEnd::Kind::kExited) {
      if (wanted == 0 && now < watch_.deadline) return;
      kind_ = wanted > 0 ? RunEnd::Kind::kStopped : RunEnd::Kind::kTimedOut;
      kill_at_ = now + watch_.grace;
      signal_(SIGTERM);
    }
    if (!killed_ && (wanted > 1 || now >= kill_at_)) {
      killed_ = true;
      signal_(SIGKILL);
    }
  }
  // Whether the process is to be left as it is.
  bool Leave() const { return watch_.stop && watch_.stop() >= kLeaveRunning; }
  RunEnd End(int exit_code) const { return {.kind = kind_, .exit_code = exit_code}; }

 private:
  const RunWatch& watch_;
  const Signal signal_;
  RunEnd::Kind kind_ = RunEnd::Kind::kExited;
  absl::Time kill_at_ = absl::InfiniteFuture();
  bool killed_ = false;
};

std::optional<std::array<int64_t, 3>> ReadPidFile(const std::string& control) {
  const std::string path = absl::StrCat(control, "/pid");
  const int fd = open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0) return std::nullopt;
  char text[80] = {};
  const ssize_t size = read(fd, text, sizeof(text) - 1);
  close(fd);
  std::array<int64_t, 3> numbers = {};
  if (size <= 0 || text[size - 1] != '\n') return std::nullopt;
  char* rest = text;
  for (int64_t& number : numbers) number = strtoll(rest, &rest, 10);
  if (numbers[0] <= 1) return std::nullopt;
  return numbers;
}

// Whether a run never started; if so, it never will: a supervisor that has yet to
// read what it was asked for finds that the file is there.
bool NeverStarts(const std::string& control) {
  const std::string path = absl::StrCat(control, "/pid");
  const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd >= 0) close(fd);
  return fd >= 0 || errno != EEXIST || !ReadPidFile(control).has_value();
}

// The supervisor is gone, and its children are this process's.
absl::StatusOr<std::optional<RunEnd>> WaitForOrphan(const std::string& control, int output,
                                                    const RunWatch& watch) {
  const std::optional<std::array<int64_t, 3>> file = ReadPidFile(control);
  if (!file.has_value()) return std::nullopt;
  const pid_t process = static_cast<pid_t>((*file)[0]);
  Stopper stopper(watch, [process](int signal) { kill(-process, signal); });
  bool open = true;
  absl::Time gone = absl::InfiniteFuture();
  while (true) {
    int status = 0;
    const pid_t found = waitpid(process, &status, WNOHANG);
    if (found == process) {
      PassRest(output, watch);
      kill(-process, SIGKILL);
      return stopper.End(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
    }
    if (found < 0) {
      const absl::StatusOr<std::optional<int>> left = ReadExit(control);
      if (left.ok() && left->has_value()) {
        PassRest(output, watch);
        return stopper.End(**left);
      }
      // A dying supervisor closes its connections before its children are passed on.
      if (!SupervisedProcess(control).has_value()) gone = std::min(gone, SteadyNow());
      if (SteadyNow() > gone + kForExit) {
        return MakeError({.id = DiagnosticId::kRunDriver,
                          .message = "the supervisor was killed, and nothing tells how the run "
                                     "tool ended"});
      }
    }
    pollfd waiting = {.fd = open ? output : -1, .events = POLLIN, .revents = 0};
    if (poll(&waiting, 1, 10) > 0) open = Pass(output, watch);
    if (stopper.Leave()) return RunEnd{.kind = RunEnd::Kind::kLeft};
    stopper.Check();
  }
}

}  // namespace

absl::StatusOr<std::unique_ptr<Supervisor>> Supervisor::Start() {
  // What the supervisor leaves behind where it dies is reaped here.
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  std::unique_ptr<Supervisor> supervisor(new Supervisor());
  absl::MutexLock lock(&supervisor->mutex_);
  DEPS_RETURN_IF_ERROR(supervisor->Fork());
  return supervisor;
}

Supervisor::~Supervisor() {
  absl::MutexLock lock(&mutex_);
  for (const int connection : idle_) close(connection);
  if (socket_ >= 0) close(socket_);
  // It goes when nothing runs any more; where something does, it stays behind.
  if (pid_ > 0) waitpid(pid_, nullptr, WNOHANG);
}

absl::Status Supervisor::Fork() {
  int sockets[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) != 0) {
    return Trouble("no supervisor", errno);
  }
  pid_ = fork();
  if (pid_ == 0) Supervise(sockets[1]);
  const int error = errno;
  close(sockets[1]);
  if (pid_ < 0) {
    close(sockets[0]);
    return Trouble("no supervisor", error);
  }
  socket_ = sockets[0];
  return absl::OkStatus();
}

absl::StatusOr<int> Supervisor::Connect() {
  absl::MutexLock lock(&mutex_);
  if (!idle_.empty()) {
    const int connection = idle_.back();
    idle_.pop_back();
    return connection;
  }
  for (int attempt = 0; attempt < 2; ++attempt) {
    int sockets[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) != 0) {
      return Trouble("no connection to the supervisor", errno);
    }
    const bool sent = SendWith(socket_, "c", {sockets[1]});
    close(sockets[1]);
    if (sent) return sockets[0];
    close(sockets[0]);
    close(socket_);
    DEPS_RETURN_IF_ERROR(Fork());
  }
  return Trouble("no connection to the supervisor", EPIPE);
}

absl::StatusOr<RunEnd> Supervisor::Run(const SupervisedRun& run, const RunWatch& watch) {
  for (int attempt = 0; attempt < 3; ++attempt) {
    DEPS_ASSIGN_OR_RETURN(const std::optional<RunEnd> end, Try(run, watch));
    if (end.has_value()) return *end;
    // The supervisor died before the program was started.
    absl::MutexLock lock(&mutex_);
    for (const int connection : idle_) close(connection);
    idle_.clear();
  }
  return Trouble("no supervisor", EPIPE);
}

absl::StatusOr<std::optional<RunEnd>> Supervisor::Try(const SupervisedRun& run,
                                                      const RunWatch& watch) {
  DEPS_ASSIGN_OR_RETURN(const int connection, Connect());
  bool good = false;
  const absl::Cleanup closer = [&] {
    if (!good) {
      close(connection);
      return;
    }
    absl::MutexLock lock(&mutex_);
    idle_.push_back(connection);
  };
  int output[2];
  if (pipe2(output, O_CLOEXEC) != 0) return Trouble("no pipe", errno);
  const absl::Cleanup output_closer = [&] { close(output[0]); };
  FaultPoint("start");
  const bool sent = SendWith(connection, MessageOf(run).view(), {output[0], output[1]});
  close(output[1]);
  FaultPoint("started");
  if (!sent) return WaitForOrphan(run.control, output[0], watch);
  Stopper stopper(watch, [connection](int signal) {
    const char order = signal == SIGKILL ? kKill : kAskToStop;
    // Where it is gone, the connection tells.
    if (send(connection, &order, 1, MSG_NOSIGNAL) < 0) return;
  });
  bool open = true;
  while (true) {
    std::array<pollfd, 2> waiting = {
        {{.fd = connection, .events = POLLIN, .revents = 0},
         {.fd = open ? output[0] : -1, .events = POLLIN, .revents = 0}}};
    poll(waiting.data(), waiting.size(), kPollMilliseconds);
    if (waiting[1].revents != 0) open = Pass(output[0], watch);
    if (waiting[0].revents != 0) {
      SupervisorAnswer answer;
      const ssize_t count = recv(connection, &answer, sizeof(answer), MSG_WAITALL);
      if (count < 0 && errno == EINTR) continue;
      if (count != sizeof(answer)) return WaitForOrphan(run.control, output[0], watch);
      good = true;
      if (answer.error != 0) {
        return Trouble(absl::StrCat("cannot run '", run.argv[0], "'"), answer.error);
      }
      FaultPoint("ended");
      if (open) PassRest(output[0], watch);
      return stopper.End(answer.exit_code);
    }
    if (stopper.Leave()) return RunEnd{.kind = RunEnd::Kind::kLeft};
    stopper.Check();
  }
}

std::optional<pid_t> SupervisedProcess(const std::string& control) {
  const std::optional<std::array<int64_t, 3>> file = ReadPidFile(control);
  if (!file.has_value()) return std::nullopt;
  const int64_t began = StartTimeOf((*file)[0]);
  if (began == 0 || began < (*file)[1] || began > (*file)[2]) return std::nullopt;
  return static_cast<pid_t>((*file)[0]);
}

absl::StatusOr<std::optional<RunEnd>> AttachSupervised(const std::string& control,
                                                       const RunWatch& watch) {
  if (NeverStarts(control)) return std::nullopt;
  ControlLogReader log(control);
  const auto pass = [&] {
    for (std::string text = log.Next(); !text.empty(); text = log.Next()) {
      if (watch.output) watch.output(text);
    }
  };
  Stopper stopper(watch, [&control](int signal) {
    if (const std::optional<pid_t> process = SupervisedProcess(control)) kill(-*process, signal);
  });
  absl::Time gone = absl::InfiniteFuture();
  while (SteadyNow() < gone + kForExit) {
    pass();
    DEPS_ASSIGN_OR_RETURN(const std::optional<int> exit_code, ReadExit(control));
    if (exit_code.has_value()) {
      pass();
      return stopper.End(*exit_code);
    }
    if (!SupervisedProcess(control).has_value()) gone = std::min(gone, SteadyNow());
    if (stopper.Leave()) return RunEnd{.kind = RunEnd::Kind::kLeft};
    stopper.Check();
    absl::SleepFor(absl::Milliseconds(10));
  }
  return std::nullopt;
}

}  // namespace deps
