// Secrets of Kubernetes over its API.
//
// In a pod the API server and the service account are known. Elsewhere KUBECONFIG
// names the file (by default ~/.kube/config), whose current context counts: with
// a token, a file with one, a client certificate, or a program that gives one of
// those (client.authentication.k8s.io).
#ifndef DEPS_LIB_SECRETS_KUBERNETES_H_
#define DEPS_LIB_SECRETS_KUBERNETES_H_

#include <string_view>

#include "absl/status/statusor.h"
#include "lib/secrets/reference.h"
#include "lib/secrets/secret_buffer.h"

namespace deps {

// LOCATOR is NAMESPACE/NAME, or NAME in the namespace of the context. Without a
// field the key is "value", as Porter has it, or the only one.
// Errors: secret-unavailable, secret-reference.
absl::StatusOr<SecretBuffer> ReadFromKubernetes(std::string_view text,
                                                const SecretReference& reference,
                                                const Getenv& getenv, const Patience& patience);

}  // namespace deps

#endif  // DEPS_LIB_SECRETS_KUBERNETES_H_
