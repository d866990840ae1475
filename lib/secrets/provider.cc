#include "lib/secrets/provider.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <map>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "lib/base/status_macros.h"
#include "lib/base/steady_clock.h"
#include "lib/diag/diagnostic.h"
#include "lib/io/file.h"
#include "lib/secrets/kubernetes.h"
#include "lib/secrets/private_folder.h"
#include "lib/secrets/program.h"
#include "lib/secrets/vault.h"

namespace deps {
namespace {

bool IsVault(const std::string& provider) { return provider == "vault" || provider == "openbao"; }

constexpr absl::Duration kFirstPause = absl::Milliseconds(100);
constexpr absl::Duration kLongestPause = absl::Seconds(5);

absl::Time Deadline(const Getenv& getenv) {
  absl::Duration patience = absl::Minutes(1);
  const std::string wanted = getenv("DEPS_SECRET_TIMEOUT").value_or("");
  if (!wanted.empty() && (!absl::ParseDuration(wanted, &patience) ||
                          patience <= absl::ZeroDuration() || patience > absl::Hours(1))) {
    patience = absl::Minutes(1);
  }
  return SteadyNow() + patience;
}

absl::StatusOr<SecretBuffer> FromEnv(std::string_view reference, const std::string& name,
                                     const Getenv& getenv) {
  std::optional<std::string> value = getenv(name);
  if (!value.has_value()) {
    return SecretUnavailable(reference, "the environment variable is not set");
  }
  return SecretBuffer::Take(&*value);
}

absl::StatusOr<SecretBuffer> FromFile(std::string_view reference, const std::string& path,
                                      const Patience& patience) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return SecretUnavailable(reference, strerror(errno));
  const absl::Cleanup closer = [fd] { close(fd); };
  struct stat info = {};
  if (fstat(fd, &info) != 0) return SecretUnavailable(reference, strerror(errno));
  if (S_ISDIR(info.st_mode)) return SecretUnavailable(reference, "it is a folder");
  SecretBuffer value;
  DEPS_RETURN_IF_ERROR(ReadToEnd(reference, fd, patience, kMaxSecret, &value));
  return value;
}

absl::StatusOr<SecretBuffer> FromDescriptor(std::string_view reference, const std::string& number,
                                            const Patience& patience) {
  static absl::Mutex mutex(absl::kConstInit);
  static auto* const read = new std::map<int, SecretBuffer>;
  const int fd = std::atoi(number.c_str());
  absl::MutexLock lock(&mutex);
  if (const auto known = read->find(fd); known != read->end()) return known->second.Copy();
  if (fcntl(fd, F_GETFD) < 0) return SecretUnavailable(reference, strerror(errno));
  SecretBuffer value;
  DEPS_RETURN_IF_ERROR(ReadToEnd(reference, fd, patience, kMaxSecret, &value));
  close(fd);
  return read->emplace(fd, std::move(value)).first->second.Copy();
}

absl::StatusOr<SecretBuffer> FromCommand(std::string_view reference, const std::string& command,
                                         const Patience& patience) {
  DEPS_ASSIGN_OR_RETURN(const std::vector<std::string> words, SplitWords(command));
  DEPS_ASSIGN_OR_RETURN(SecretBuffer value, AskProgram(reference, words, "", patience));
  if (!value.empty() && value.view().back() == '\n') value.Truncate(value.size() - 1);
  return value;
}

absl::StatusOr<SecretBuffer> Resolve(std::string_view text, const SecretReference& reference,
                                     const Getenv& getenv, const Patience& patience) {
  const std::string& provider = reference.provider;
  if (provider == "env") return FromEnv(text, reference.locator, getenv);
  if (provider == "file") return FromFile(text, reference.locator, patience);
  if (provider == "fd") return FromDescriptor(text, reference.locator, patience);
  if (provider == "command") return FromCommand(text, reference.locator, patience);
  if (IsVault(provider)) return ReadFromVault(text, reference, getenv, patience);
  if (provider == "kubernetes") return ReadFromKubernetes(text, reference, getenv, patience);
  if (HasPlugin(provider)) return GetFromPlugin(text, reference, patience);
  return SecretUnavailable(text, absl::StrCat("there is no provider '", provider,
                                              "', and no deps-secret-", provider, " on PATH"));
}

absl::StatusOr<std::string> ToFile(std::string_view text, const std::string& path,
                                   std::string_view value) {
  if (const int error = MakeFoldersAbove(path); error != 0) {
    return SecretUnavailable(text, strerror(error));
  }
  if (const absl::Status status = WriteFile(path, value, 0600); !status.ok()) {
    return SecretUnavailable(text, DiagnosticsOf(status)[0].message);
  }
  return std::string(text);
}

// Once.
absl::StatusOr<std::string> Store(std::string_view text, const SecretReference& sink,
                                  std::string_view value, const Getenv& getenv,
                                  const Patience& patience) {
  if (sink.provider == "file") return ToFile(text, sink.locator, value);
  if (IsVault(sink.provider)) return WriteToVault(text, sink, value, getenv, patience);
  return PutToPlugin(text, sink, value, patience);
}

}  // namespace

absl::StatusOr<SecretBuffer> ResolveSecret(std::string_view reference, const Getenv& getenv,
                                           const std::atomic<int>* stop) {
  DEPS_ASSIGN_OR_RETURN(const SecretReference parsed, ParseSecretReference(reference));
  const Patience patience = {.deadline = Deadline(getenv), .stop = stop};
  DEPS_ASSIGN_OR_RETURN(SecretBuffer value, Resolve(reference, parsed, getenv, patience));
  if (value.size() <= kMaxSecret) return value;
  return SecretUnavailable(reference, "the value is larger than 1 MiB");
}

absl::Status CheckSink(std::string_view sink, const Getenv& getenv) {
  DEPS_ASSIGN_OR_RETURN(const SecretReference parsed, ParseSecretReference(sink));
  const std::string& provider = parsed.provider;
  if (provider == "file" && absl::StartsWith(parsed.locator, "/")) return absl::OkStatus();
  if (provider == "file") return SecretUnavailable(sink, "a sink's path begins with '/'");
  if (IsVault(provider)) {
    if (getenv("VAULT_ADDR").has_value() || getenv("BAO_ADDR").has_value()) {
      return absl::OkStatus();
    }
    return SecretUnavailable(sink, "VAULT_ADDR is not set");
  }
  const bool reads_only =
      provider == "env" || provider == "fd" || provider == "command" || provider == "kubernetes";
  if (!reads_only && HasPlugin(provider)) return absl::OkStatus();
  return MakeError(
      {.id = DiagnosticId::kSecretUnavailable,
       .message = absl::StrCat("provider '", provider, "' of '", sink, "' takes no values"),
       .hint = "without a sink the value is sealed into the state"});
}

absl::StatusOr<std::string> StoreSecret(std::string_view sink, std::string_view value,
                                        const Getenv& getenv, const std::atomic<int>* stop) {
  DEPS_RETURN_IF_ERROR(CheckSink(sink, getenv));
  if (value.size() > kMaxSecret) return SecretUnavailable(sink, "the value is larger than 1 MiB");
  DEPS_ASSIGN_OR_RETURN(const SecretReference parsed, ParseSecretReference(sink));
  if (IsVault(parsed.provider) && !VaultTakes(value)) {
    return SecretUnavailable(sink, "the value is not text, which alone it takes");
  }
  const Patience patience = {.deadline = Deadline(getenv), .stop = stop};
  absl::Duration pause = kFirstPause;
  while (true) {
    absl::StatusOr<std::string> stored = Store(sink, parsed, value, getenv, patience);
    if (stored.ok() || !HasId(stored.status(), DiagnosticId::kSecretUnavailable)) return stored;
    for (const absl::Time end = SteadyNow() + pause; SteadyNow() < end && !patience.IsOver();) {
      absl::SleepFor(std::min(pause, kFirstPause));
    }
    if (patience.IsOver()) return stored;
    pause = std::min(2 * pause, kLongestPause);
  }
}

const std::set<std::string>& IdentityVariables() {
  static const auto* const names = new std::set<std::string>{"BAO_TOKEN", "DEPS_VAULT_ROLE_ID",
                                                             "DEPS_VAULT_SECRET_ID", "VAULT_TOKEN"};
  return *names;
}

}  // namespace deps
