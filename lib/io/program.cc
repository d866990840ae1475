#include "lib/io/program.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "lib/base/status_macros.h"
#include "lib/base/steady_clock.h"
#include "lib/diag/diagnostic.h"

extern char** environ;

namespace deps {
namespace {

constexpr size_t kMaxErrors = size_t{64} << 10;
constexpr int kPollMilliseconds = 100;
constexpr int kWaitMilliseconds = 2;  // Once nothing more can be read.

absl::Status StartError(const std::string& path, int error) {
  const bool absent = error == ENOENT || error == ENOTDIR;
  return MakeError({.id = absent ? DiagnosticId::kFileNotFound : DiagnosticId::kFileRead,
                    .message = absl::StrCat("the program cannot be started: ", strerror(error)),
                    .location = {.file = path}});
}

// Our end of a channel to the program. Sockets, since writing to one whose
// reader is gone need not raise SIGPIPE.
struct Channel {
  int ours = -1;
  int theirs = -1;

  bool Open() {
    std::array<int, 2> ends = {};
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) return false;
    ours = ends[0];
    theirs = ends[1];
    return fcntl(ours, F_SETFL, O_NONBLOCK) == 0;
  }
  static void Close(int* end) {
    if (*end >= 0) close(*end);
    *end = -1;
  }
  ~Channel() {
    Close(&ours);
    Close(&theirs);
  }
};

std::vector<char*> Pointers(const std::vector<std::string>& strings) {
  std::vector<char*> pointers;
  pointers.reserve(strings.size() + 1);
  for (const std::string& text : strings) pointers.push_back(const_cast<char*>(text.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

class Runner {
 public:
  explicit Runner(const Program& program) : program_(program) {}

  absl::StatusOr<ProgramEnd> Run() {
    DEPS_RETURN_IF_ERROR(Start());
    const absl::Status status = Exchange();
    if (!status.ok() || end_.kind != ProgramEnd::Kind::kExited) kill(-process_, SIGKILL);
    Reap(0);
    DEPS_RETURN_IF_ERROR(status);
    return std::move(end_);
  }

 private:
  absl::Status Start() {
    const std::string& path = program_.argv.front();
    if (!in_.Open() || !out_.Open() || !err_.Open()) return StartError(path, errno);
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    const auto clean_up = absl::MakeCleanup([&] {
      posix_spawn_file_actions_destroy(&actions);
      posix_spawnattr_destroy(&attributes);
    });
    posix_spawn_file_actions_adddup2(&actions, in_.theirs, STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, out_.theirs, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, err_.theirs, STDERR_FILENO);
    sigset_t none;
    sigset_t defaults;
    sigemptyset(&none);
    sigemptyset(&defaults);
    sigaddset(&defaults, SIGPIPE);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &defaults);
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setflags(
        &attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    std::vector<char*> argv = Pointers(program_.argv);
    std::vector<char*> environment;
    if (program_.environment.has_value()) environment = Pointers(*program_.environment);
    const int error = posix_spawn(&process_, path.c_str(), &actions, &attributes, argv.data(),
                                  program_.environment.has_value() ? environment.data() : environ);
    if (error != 0) return StartError(path, error);
    for (Channel* channel : {&in_, &out_, &err_}) Channel::Close(&channel->theirs);
    return absl::OkStatus();
  }

  absl::Status Exchange() {
    const absl::Time deadline = SteadyNow() + program_.timeout;
    while (!ended_) {
      if (in_.ours >= 0 && sent_ == program_.input.size()) Channel::Close(&in_.ours);
      std::array<pollfd, 3> polled = {pollfd{.fd = in_.ours, .events = POLLOUT, .revents = 0},
                                      pollfd{.fd = out_.ours, .events = POLLIN, .revents = 0},
                                      pollfd{.fd = err_.ours, .events = POLLIN, .revents = 0}};
      const bool open = out_.ours >= 0 || err_.ours >= 0;
      const int ready =
          poll(polled.data(), polled.size(), open ? kPollMilliseconds : kWaitMilliseconds);
      if (polled[0].revents != 0) Send();
      if (polled[1].revents != 0) DEPS_RETURN_IF_ERROR(Receive(&out_.ours));
      if (polled[2].revents != 0) DEPS_RETURN_IF_ERROR(Receive(&err_.ours));
      if (end_.kind != ProgramEnd::Kind::kExited) return absl::OkStatus();
      // What the program left running may hold the channels open: its own end
      // counts, once all that it wrote is here.
      if (ready <= 0) Reap(WNOHANG);
      if (ended_) return absl::OkStatus();
      if (SteadyNow() >= deadline) end_.kind = ProgramEnd::Kind::kTimedOut;
      if (program_.stop && program_.stop()) end_.kind = ProgramEnd::Kind::kStopped;
      if (end_.kind != ProgramEnd::Kind::kExited) return absl::OkStatus();
    }
    return absl::OkStatus();
  }

  void Send() {
    const ssize_t count =
        send(in_.ours, program_.input.data() + sent_, program_.input.size() - sent_, MSG_NOSIGNAL);
    if (count > 0) {
      sent_ += static_cast<size_t>(count);
    } else if (errno != EAGAIN && errno != EINTR) {
      // It need not read its input.
      Channel::Close(&in_.ours);
    }
  }

  absl::Status Receive(int* end) {
    std::array<char, size_t{64} << 10> buffer;
    const ssize_t count = read(*end, buffer.data(), buffer.size());
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) return absl::OkStatus();
    if (count <= 0) {
      Channel::Close(end);
      return absl::OkStatus();
    }
    const std::string_view bytes(buffer.data(), static_cast<size_t>(count));
    if (end == &out_.ours) return TakeOutput(bytes);
    end_.errors.append(bytes);
    if (end_.errors.size() > kMaxErrors) end_.errors.erase(0, end_.errors.size() - kMaxErrors);
    return absl::OkStatus();
  }

  absl::Status TakeOutput(std::string_view bytes) {
    received_ += bytes.size();
    if (received_ > program_.max_output) {
      end_.kind = ProgramEnd::Kind::kTooMuchOutput;
      return absl::OkStatus();
    }
    if (program_.output) return program_.output(bytes);
    end_.output.append(bytes);
    return absl::OkStatus();
  }

  void Reap(int options) {
    if (ended_) return;
    int status = 0;
    pid_t process = 0;
    while ((process = waitpid(process_, &status, options)) < 0 && errno == EINTR) {
    }
    if (process != process_) return;
    ended_ = true;
    end_.exit_code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  }

  const Program& program_;
  ProgramEnd end_;
  Channel in_;
  Channel out_;
  Channel err_;
  pid_t process_ = -1;
  bool ended_ = false;
  size_t sent_ = 0;
  size_t received_ = 0;
};

}  // namespace

absl::StatusOr<ProgramEnd> RunProgram(const Program& program) { return Runner(program).Run(); }

bool IsProgram(const std::string& path) {
  struct stat info;
  return stat(path.c_str(), &info) == 0 && S_ISREG(info.st_mode) && access(path.c_str(), X_OK) == 0;
}

}  // namespace deps
