// Credential helpers of docker: programs that get a server's name on standard
// input and write {"Username": …, "Secret": …}.

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "lib/base/status_macros.h"
#include "lib/diag/diagnostic.h"
#include "lib/io/program.h"
#include "lib/json/json.h"
#include "lib/oci/credentials.h"

extern char** environ;  // NOLINT: POSIX

namespace deps {
namespace {

constexpr size_t kMaxOutputBytes = 64 << 10;
constexpr absl::Duration kTimeout = absl::Seconds(30);
// For a helper to end after it has answered.
constexpr absl::Duration kGrace = absl::Seconds(2);
// A signal may come to another thread: how long it takes until it is seen.
constexpr int kLookMilliseconds = 100;

absl::Status HelperError(const std::string& name, std::string_view what) {
  return MakeError({.id = DiagnosticId::kRegistryAuth,
                    .message = absl::StrCat("credential helper docker-credential-",
                                            absl::CHexEscape(name.substr(0, 100)), " ", what)});
}

bool IsHelperName(std::string_view name) {
  if (name.empty() || name.size() > 100) return false;
  for (const char c : name) {
    if (!absl::ascii_isalnum(c) && c != '.' && c != '_' && c != '-') return false;
  }
  return true;
}

std::optional<std::string> FindProgram(const std::string& program, const std::string& path) {
  for (const std::string_view folder : absl::StrSplit(path, ':')) {
    if (!absl::StartsWith(folder, "/")) continue;
    const std::string candidate = absl::StrCat(folder, "/", program);
    if (IsProgram(candidate)) return candidate;
  }
  return std::nullopt;
}

struct Pipe {
  int fds[2] = {-1, -1};
  bool Open() { return pipe2(fds, O_CLOEXEC) == 0; }
  void Close(int end) {
    if (fds[end] >= 0) close(fds[end]);
    fds[end] = -1;
  }
  ~Pipe() {
    Close(0);
    Close(1);
  }
};

// A running helper; killed and waited for at the latest when this goes.
class Process {
 public:
  ~Process() {
    if (pid_ > 0) {
      kill(pid_, SIGKILL);
      while (waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
      }
    }
  }

  bool Start(const std::string& program, int in, int out) {
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, in, 0);
    posix_spawn_file_actions_adddup2(&actions, out, 1);
    std::string name = program, verb = "get";
    char* argv[] = {name.data(), verb.data(), nullptr};
    const int error = posix_spawn(&pid_, program.c_str(), &actions, nullptr, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    if (error != 0) pid_ = -1;
    return error == 0;
  }

  // The exit status, or -1 where a signal ended it; nullopt where it goes on for
  // longer than kGrace.
  std::optional<int> Wait() {
    const absl::Time deadline = absl::Now() + kGrace;
    int status = 0;
    for (;;) {
      const pid_t ended = waitpid(pid_, &status, WNOHANG);
      if (ended == pid_) break;
      if (ended == 0 && absl::Now() > deadline) return std::nullopt;
      if (ended < 0 && errno != EINTR) break;
      absl::SleepFor(absl::Milliseconds(1));
    }
    pid_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

 private:
  pid_t pid_ = -1;
};

// All that comes until the end, in time and within the limit.
std::optional<std::string> ReadAll(int fd, const std::atomic<int>* stop) {
  const absl::Time deadline = absl::Now() + kTimeout;
  std::string output;
  char buffer[4096];
  while (output.size() <= kMaxOutputBytes) {
    const absl::Duration left = deadline - absl::Now();
    if (left <= absl::ZeroDuration() || (stop != nullptr && *stop != 0)) return std::nullopt;
    pollfd waiting = {fd, POLLIN, 0};
    const int ready = poll(&waiting, 1, kLookMilliseconds);
    if (ready == 0 || (ready < 0 && errno == EINTR)) continue;
    if (ready < 0) return std::nullopt;
    const ssize_t got = read(fd, buffer, sizeof(buffer));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return std::nullopt;
    if (got == 0) return output;
    output.append(buffer, static_cast<size_t>(got));
  }
  return std::nullopt;
}

absl::StatusOr<std::optional<Credential>> ParseAnswer(const std::string& name, std::string output) {
  const Source source = {.name = absl::StrCat("docker-credential-", name),
                         .text = std::move(output)};
  const absl::StatusOr<json::Value> value = json::Parse(source);
  // Its text may hold a secret and is not shown.
  if (!value.ok()) return HelperError(name, "answers with what is not JSON");
  json::ObjectReader reader(source, *value);
  Credential credential;
  reader.Required("Username", &credential.username);
  reader.Required("Secret", &credential.password);
  reader.IgnoreRest();
  if (!reader.Finish().ok()) return HelperError(name, "answers without Username and Secret");
  if (credential.username == "<token>") {
    credential = {.identity_token = std::move(credential.password)};
  }
  return credential;
}

}  // namespace

bool HasCredentialHelper(const std::string& name, const std::string& path) {
  return IsHelperName(name) && FindProgram(absl::StrCat("docker-credential-", name), path);
}

absl::StatusOr<std::optional<Credential>> AskCredentialHelper(const std::string& name,
                                                              const std::string& server,
                                                              const std::string& path,
                                                              const std::atomic<int>* stop) {
  if (!IsHelperName(name)) return HelperError(name, "has a name that is not allowed");
  const std::optional<std::string> program =
      FindProgram(absl::StrCat("docker-credential-", name), path);
  if (!program) return HelperError(name, "is not on PATH");
  Pipe in, out;
  Process process;
  if (!in.Open() || !out.Open() || !process.Start(*program, in.fds[0], out.fds[1])) {
    return HelperError(name, absl::StrCat("does not start: ", std::strerror(errno)));
  }
  in.Close(0);
  out.Close(1);
  // One line fits into a pipe, so this waits for nobody. Where the helper has
  // gone already, its exit status tells; SIGPIPE is held back meanwhile.
  sigset_t pipe_signal, before;
  sigemptyset(&pipe_signal);
  sigaddset(&pipe_signal, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &pipe_signal, &before);
  const std::string line = absl::StrCat(server, "\n");
  const bool broken = write(in.fds[1], line.data(), line.size()) < 0 && errno == EPIPE;
  const timespec no_wait = {};
  if (broken) sigtimedwait(&pipe_signal, nullptr, &no_wait);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  in.Close(1);
  std::optional<std::string> output = ReadAll(out.fds[0], stop);
  if (!output && stop != nullptr && *stop != 0) {
    return MakeError({.id = DiagnosticId::kInterrupted, .message = "a signal ended it"});
  }
  if (!output) return HelperError(name, "does not answer in time, or with too much");
  const std::optional<int> status = process.Wait();
  if (!status) return HelperError(name, "has answered and does not end");
  if (*status == 0) return ParseAnswer(name, *std::move(output));
  if (absl::StrContains(*output, "credentials not found")) return std::nullopt;
  return HelperError(
      name, absl::StrCat("fails: ",
                         absl::CHexEscape(absl::StripAsciiWhitespace(output->substr(0, 200)))));
}

}  // namespace deps
