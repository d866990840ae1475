// Programs that give credentials (client.authentication.k8s.io). Private to this
// package.
#ifndef DEPS_LIB_KUBE_EXEC_CREDENTIAL_H_
#define DEPS_LIB_KUBE_EXEC_CREDENTIAL_H_

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "lib/kube/kubeconfig.h"
#include "lib/secrets/secret_buffer.h"

namespace deps {

struct ExecCredential {
  SecretBuffer token;
  SecretBuffer certificate;  // PEM
  SecretBuffer key;
  absl::Time expires = absl::InfiniteFuture();
};

// What the program of `context` gives. It is stopped at `deadline`, and what it
// says on standard error is dropped, as that may hold a credential.
// Errors: secret-unavailable.
absl::StatusOr<ExecCredential> AskForCredential(const KubeContext& context, absl::Time deadline);

}  // namespace deps

#endif  // DEPS_LIB_KUBE_EXEC_CREDENTIAL_H_
