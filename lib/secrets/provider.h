// From references to secrets to their values, and back.
#ifndef DEPS_LIB_SECRETS_PROVIDER_H_
#define DEPS_LIB_SECRETS_PROVIDER_H_

#include <atomic>
#include <set>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "lib/secrets/reference.h"
#include "lib/secrets/secret_buffer.h"

namespace deps {

// A larger value is neither read nor written.
inline constexpr size_t kMaxSecret = size_t{1} << 20;

// The value now: nothing is kept, but for that of a descriptor, which can be read
// once. A provider has a minute to answer, or as long as DEPS_SECRET_TIMEOUT
// says ("10s"); less where *`stop` is no longer 0.
// Errors, which name the reference and never a value: secret-reference,
// secret-unavailable.
absl::StatusOr<SecretBuffer> ResolveSecret(std::string_view reference, const Getenv& getenv,
                                           const std::atomic<int>* stop = nullptr);

// Puts `value` where `sink` names a place: file (mode 0600, folders 0700), vault
// or a program. Gives the reference under which ResolveSecret finds this very
// value: a store's has the version in it. Doing it again does no harm, and where
// the place does not take the value it is done again, for a minute or as long as
// DEPS_SECRET_TIMEOUT says; less where *`stop` is no longer 0.
// Errors: as above.
absl::StatusOr<std::string> StoreSecret(std::string_view sink, std::string_view value,
                                        const Getenv& getenv,
                                        const std::atomic<int>* stop = nullptr);

// Whether StoreSecret knows how, without asking anyone.
// Errors: secret-reference, secret-unavailable.
absl::Status CheckSink(std::string_view sink, const Getenv& getenv);

// Variables that prove to providers who we are: what is started for a task must
// not have them.
const std::set<std::string>& IdentityVariables();

}  // namespace deps

#endif  // DEPS_LIB_SECRETS_PROVIDER_H_
