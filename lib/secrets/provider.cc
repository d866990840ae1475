#include "lib/secrets/provider.h"

#include <fcntl.h>
#include <openssl/mem.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "lib/base/status_macros.h"
#include "lib/diag/diagnostic.h"

extern char** environ;

namespace deps {
namespace {

constexpr size_t kMaxValue = size_t{1} << 20;
constexpr absl::Duration kCommandTime = absl::Minutes(1);

absl::Status Malformed(std::string_view reference, std::string_view why) {
  return MakeError({.id = DiagnosticId::kSecretReference,
                    .message = absl::StrCat("reference to a secret '", reference, "': ", why),
                    .hint = "references are PROVIDER:LOCATOR, for example env:TOKEN"});
}

absl::Status Unavailable(std::string_view reference, std::string_view why) {
  return MakeError({.id = DiagnosticId::kSecretUnavailable,
                    .message = absl::StrCat("secret '", reference, "': ", why)});
}

// Reads until the end, waiting no longer than until `deadline`.
absl::Status ReadAll(int fd, absl::Time deadline, std::string_view reference, SecretBuffer* out) {
  std::array<char, 4096> chunk;
  const absl::Cleanup wipe = [&] { OPENSSL_cleanse(chunk.data(), chunk.size()); };
  while (true) {
    pollfd waiting = {.fd = fd, .events = POLLIN, .revents = 0};
    const int64_t left = absl::ToInt64Milliseconds(deadline - absl::Now());
    if (left <= 0) return Unavailable(reference, "no answer in time");
    const int ready = poll(&waiting, 1, static_cast<int>(left));
    if (ready < 0 && errno != EINTR) return Unavailable(reference, strerror(errno));
    if (ready <= 0) continue;
    const ssize_t count = read(fd, chunk.data(), chunk.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return Unavailable(reference, strerror(errno));
    if (count == 0) return absl::OkStatus();
    if (out->size() + static_cast<size_t>(count) > kMaxValue) {
      return Unavailable(reference, "the value is larger than 1 MiB");
    }
    out->Append({chunk.data(), static_cast<size_t>(count)});
  }
}

absl::StatusOr<SecretBuffer> FromEnv(std::string_view reference, const std::string& name,
                                     const Getenv& getenv) {
  std::optional<std::string> value = getenv(name);
  if (!value.has_value()) return Unavailable(reference, "the environment variable is not set");
  return SecretBuffer::Take(&*value);
}

absl::StatusOr<SecretBuffer> FromFile(std::string_view reference, const std::string& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return Unavailable(reference, strerror(errno));
  const absl::Cleanup closer = [fd] { close(fd); };
  struct stat info = {};
  if (fstat(fd, &info) != 0) return Unavailable(reference, strerror(errno));
  if (S_ISDIR(info.st_mode)) return Unavailable(reference, "it is a folder");
  SecretBuffer value;
  DEPS_RETURN_IF_ERROR(ReadAll(fd, absl::Now() + kCommandTime, reference, &value));
  return value;
}

absl::StatusOr<pid_t> Start(std::string_view reference, const std::vector<std::string>& words,
                            int out) {
  std::vector<char*> argv;
  for (const std::string& word : words) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  const absl::Cleanup destroy = [&] { posix_spawn_file_actions_destroy(&actions); };
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, out, 1);
  // What it says about a secret may hold it.
  posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
  pid_t pid = 0;
  const int error = posix_spawnp(&pid, argv[0], &actions, nullptr, argv.data(), environ);
  if (error != 0) {
    return Unavailable(reference, absl::StrCat("cannot run the command: ", strerror(error)));
  }
  return pid;
}

absl::StatusOr<SecretBuffer> FromCommand(std::string_view reference, const std::string& command) {
  DEPS_ASSIGN_OR_RETURN(const std::vector<std::string> words, SplitWords(command));
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return Unavailable(reference, strerror(errno));
  const absl::Cleanup close_read = [&] { close(ends[0]); };
  const absl::StatusOr<pid_t> pid = Start(reference, words, ends[1]);
  close(ends[1]);
  if (!pid.ok()) return pid.status();
  SecretBuffer value;
  const absl::Status status = ReadAll(ends[0], absl::Now() + kCommandTime, reference, &value);
  if (!status.ok()) kill(*pid, SIGKILL);
  int exit = 0;
  while (waitpid(*pid, &exit, 0) < 0 && errno == EINTR) {
  }
  DEPS_RETURN_IF_ERROR(status);
  if (!WIFEXITED(exit) || WEXITSTATUS(exit) != 0) {
    return Unavailable(reference,
                       WIFEXITED(exit)
                           ? absl::StrCat("the command ended with status ", WEXITSTATUS(exit))
                           : absl::StrCat("signal ", WTERMSIG(exit), " ended the command"));
  }
  if (!value.empty() && value.view().back() == '\n') value.Truncate(value.size() - 1);
  return value;
}

}  // namespace

absl::StatusOr<SecretReference> ParseSecretReference(std::string_view text) {
  const size_t colon = text.find(':');
  if (colon == std::string_view::npos || colon == 0) {
    return Malformed(text, "there is no provider");
  }
  SecretReference reference = {.provider = std::string(text.substr(0, colon)),
                               .locator = std::string(text.substr(colon + 1))};
  for (const char c : reference.provider) {
    if (!absl::ascii_islower(c) && !absl::ascii_isdigit(c) && c != '-') {
      return Malformed(text, "a provider's name has a-z, 0-9 and - only");
    }
  }
  if (reference.locator.empty()) return Malformed(text, "there is no locator");
  if (reference.locator.find('\0') != std::string::npos) return Malformed(text, "a NUL byte");
  if (reference.provider == "env" && reference.locator.find_first_of("=#?") != std::string::npos) {
    return Malformed(text, "not the name of an environment variable");
  }
  return reference;
}

absl::StatusOr<SecretBuffer> ResolveSecret(std::string_view reference, const Getenv& getenv) {
  DEPS_ASSIGN_OR_RETURN(const SecretReference parsed, ParseSecretReference(reference));
  if (parsed.provider == "env") return FromEnv(reference, parsed.locator, getenv);
  if (parsed.provider == "file") return FromFile(reference, parsed.locator);
  if (parsed.provider == "command") return FromCommand(reference, parsed.locator);
  return Unavailable(reference, absl::StrCat("there is no provider '", parsed.provider, "'"));
}

absl::StatusOr<std::vector<std::string>> SplitWords(std::string_view text) {
  std::vector<std::string> words;
  bool in_word = false;
  char quote = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quote == 0 && absl::ascii_isspace(c)) {
      in_word = false;
      continue;
    }
    if (!in_word) words.emplace_back();
    in_word = true;
    if (c == '\\' && quote != '\'' && i + 1 < text.size()) {
      words.back() += text[++i];
    } else if (c == quote) {
      quote = 0;
    } else if (quote == 0 && (c == '\'' || c == '"')) {
      quote = c;
    } else {
      words.back() += c;
    }
  }
  if (quote != 0) return Malformed(absl::StrCat("command:", text), "a quote is not closed");
  if (words.empty()) return Malformed(absl::StrCat("command:", text), "there is no command");
  return words;
}

}  // namespace deps
