// References to secrets, as documents and command lines have them.
#ifndef DEPS_LIB_SECRETS_REFERENCE_H_
#define DEPS_LIB_SECRETS_REFERENCE_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace deps {

using Getenv = std::function<std::optional<std::string>(std::string_view)>;

// How long a provider is waited for.
struct Patience {
  absl::Time deadline = absl::InfiniteFuture();  // By SteadyNow().
  // Not 0: nobody wants the answer any more. May be null.
  const std::atomic<int>* stop = nullptr;
  bool IsOver() const;
};

// PROVIDER:LOCATOR, and with stores PROVIDER:LOCATOR[#FIELD][?version=N]:
//   env:DB_PASSWORD           a variable of this process
//   file:/run/secrets/token   a file's content
//   fd:5                      what is read from an inherited descriptor
//   command:pass show db      what a program prints, without one newline at its
//                             end; split into words, no shell
//   vault:kv/db#password      a field of a KV version 2 store (also openbao:)
//   kubernetes:prod/db#token  a key of the Secret db in namespace prod
//   NAME:LOCATOR              what the program deps-secret-NAME gives
struct SecretReference {
  std::string provider;
  std::string locator;  // With env, file, fd and command all behind the colon.
  std::string field;
  int64_t version = 0;  // 0 is the newest.
  bool operator==(const SecretReference&) const = default;
};

// Errors: secret-reference.
absl::StatusOr<SecretReference> ParseSecretReference(std::string_view text);

// Words separated by blanks; '…' and "…" keep blanks, and a backslash outside
// of '…' takes the next character as it is. No expansion of any kind.
// Errors: secret-reference where a quote is not closed or there is no word.
absl::StatusOr<std::vector<std::string>> SplitWords(std::string_view text);

// secret-unavailable, with the reference in front.
absl::Status SecretUnavailable(std::string_view reference, std::string_view why);

}  // namespace deps

#endif  // DEPS_LIB_SECRETS_REFERENCE_H_
