// Kubeconfig files, read for one context. Private to this package.
#ifndef DEPS_LIB_KUBE_KUBECONFIG_H_
#define DEPS_LIB_KUBE_KUBECONFIG_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "lib/secrets/secret_buffer.h"

namespace deps {

// PEM: a file, or its content.
struct KubePem {
  std::string path;
  SecretBuffer content;
};

// A program that gives a credential.
struct KubeProgram {
  std::vector<std::string> words;  // The first may be looked for on PATH.
  std::vector<std::pair<std::string, std::string>> environment;
  std::string api_version;
  bool wants_cluster = false;
  std::string install_hint;
};

struct KubeContext {
  std::string server;
  std::string proxy;
  std::string name_space;
  KubePem authority;
  KubePem certificate;
  KubePem key;
  SecretBuffer token;
  std::string token_file;
  KubeProgram program;  // No words: none.
};

// `files` separated by colons; those that do not exist are left out where
// another does. `context` as in KubeOptions.
// Errors: those that KubeAccess::Find names for kubeconfigs.
absl::StatusOr<KubeContext> ReadKubeconfig(const std::string& files, const std::string& context);

}  // namespace deps

#endif  // DEPS_LIB_KUBE_KUBECONFIG_H_
