// References to secrets, and the providers that hold their values.
#ifndef DEPS_LIB_SECRETS_PROVIDER_H_
#define DEPS_LIB_SECRETS_PROVIDER_H_

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "lib/secrets/secret_buffer.h"

namespace deps {

using Getenv = std::function<std::optional<std::string>(std::string_view)>;

// PROVIDER:LOCATOR, for example
//   env:DB_PASSWORD           a variable of this process
//   file:/run/secrets/token   a file's content
//   command:pass show db      what a program prints, without one newline at its
//                             end; split into words, no shell
struct SecretReference {
  std::string provider;
  std::string locator;
  bool operator==(const SecretReference&) const = default;
};

// Errors: secret-reference.
absl::StatusOr<SecretReference> ParseSecretReference(std::string_view text);

// The value now: nothing is kept. A value has at most 1 MiB, and a command a
// minute to print it.
// Errors, which name the reference and never a value: secret-reference,
// secret-unavailable.
absl::StatusOr<SecretBuffer> ResolveSecret(std::string_view reference, const Getenv& getenv);

// Words separated by blanks; '…' and "…" keep blanks, and a backslash outside
// of '…' takes the next character as it is. No expansion of any kind.
// Errors: secret-reference where a quote is not closed or there is no word.
absl::StatusOr<std::vector<std::string>> SplitWords(std::string_view text);

}  // namespace deps

#endif  // DEPS_LIB_SECRETS_PROVIDER_H_
