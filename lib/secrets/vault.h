// Vault and OpenBao: secrets of KV version 2 over HTTP.
//
// Settings, each also with BAO_ for VAULT_:
//   VAULT_ADDR        https://vault.example:8200
//   VAULT_NAMESPACE   header X-Vault-Namespace
//   VAULT_CACERT      certificates to trust besides the system's
//   VAULT_TOKEN       or the file VAULT_TOKEN_FILE, or ~/.vault-token; unless
//   DEPS_VAULT_AUTH   "approle": DEPS_VAULT_ROLE_ID and DEPS_VAULT_SECRET_ID or
//                     the file DEPS_VAULT_SECRET_ID_FILE; "kubernetes", "jwt":
//                     DEPS_VAULT_ROLE and the file DEPS_VAULT_JWT_FILE (by
//                     default the service account's token)
//   DEPS_VAULT_AUTH_MOUNT  where that method is mounted; by default its name
#ifndef DEPS_LIB_SECRETS_VAULT_H_
#define DEPS_LIB_SECRETS_VAULT_H_

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "lib/secrets/reference.h"
#include "lib/secrets/secret_buffer.h"

namespace deps {

// LOCATOR is MOUNT/PATH. Without a field it is "value", or the only one.
// Errors: secret-unavailable, secret-reference.
absl::StatusOr<SecretBuffer> ReadFromVault(std::string_view text, const SecretReference& reference,
                                           const Getenv& getenv, const Patience& patience);

// Whether a store can hold the value: text is all that it holds.
bool VaultTakes(std::string_view value);

// A new version with this field alone; also where the mount asks for
// check-and-set. Gives the reference with field and version.
absl::StatusOr<std::string> WriteToVault(std::string_view text, const SecretReference& reference,
                                         std::string_view value, const Getenv& getenv,
                                         const Patience& patience);

}  // namespace deps

#endif  // DEPS_LIB_SECRETS_VAULT_H_
