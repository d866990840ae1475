// How an API server of Kubernetes is reached, and as whom.
#ifndef DEPS_LIB_KUBE_KUBE_ACCESS_H_
#define DEPS_LIB_KUBE_KUBE_ACCESS_H_

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "lib/http/http.h"
#include "lib/secrets/secret_buffer.h"

namespace deps {

struct KubeOptions {
  // Files, separated by colons: of each name the first that has it counts. "":
  // those of KUBECONFIG; without it, in a pod, the pod's own account; else
  // ~/.kube/config.
  std::string kubeconfig;
  std::string context;  // "": the current one.
};

// A server and an identity for it. Credentials are for that server alone: who
// uses them must follow no redirect with them.
//
// Of a kubeconfig count: server, certificate-authority, proxy-url; of users
// token, tokenFile, client certificates and exec (client.authentication.k8s.io
// v1 and v1beta1). What would weaken a connection or act as somebody else
// (insecure-skip-tls-verify, tls-server-name, user names with passwords, as,
// auth-provider) is refused and not ignored.
class KubeAccess {
 public:
  // Programs that give credentials have until `deadline`.
  //
  // Errors, in a kubeconfig with their place: file-not-found, file-read, those of
  // yaml, document-type, document-member, document-value, secret-unavailable
  // (a program or file gives no credential).
  static absl::StatusOr<std::unique_ptr<KubeAccess>> Find(const KubeOptions& options,
                                                          const http::GetEnv& getenv,
                                                          absl::Time deadline);
  virtual ~KubeAccess() = default;

  // https://HOST:PORT, or http:// of this machine; no "/" at the end.
  virtual const std::string& server() const = 0;
  // That of the context or of the pod; else "default".
  virtual const std::string& name_space() const = 0;
  // Trust, certificates and proxies. The files that it names are there as long as
  // this object is.
  virtual const http::ClientOptions& http() const = 0;

  // The value of the header Authorization; "" where a certificate is enough. A
  // token in a file is read each time, as it is replaced there; one of a program
  // is asked for anew where it has expired, or where `refused` says that the
  // server did not take the last one.
  virtual absl::StatusOr<SecretBuffer> Authorization(bool refused, absl::Time deadline) = 0;
};

}  // namespace deps

#endif  // DEPS_LIB_KUBE_KUBE_ACCESS_H_
