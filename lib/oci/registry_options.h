// How a command reaches registries, and the options that say so.
#ifndef DEPS_LIB_OCI_REGISTRY_OPTIONS_H_
#define DEPS_LIB_OCI_REGISTRY_OPTIONS_H_

#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

#include "lib/cli/command.h"

namespace deps {

struct AccessOptions {
  // A config.json of docker or an auth.json of podman; "": those of the user.
  std::string registry_config;
  // HOST or HOST:PORT that are asked over http. Loopback is too, unless it speaks
  // TLS only, or `ca_file` is given and it speaks TLS at all.
  std::vector<std::string> insecure_registries;
  // Hosts of token servers that may get credentials meant for a registry with
  // another name.
  std::vector<std::string> trusted_realms;
  std::string ca_file;
  std::string cert_file;        // For registries that ask who is there (mTLS).
  std::string key_file;         // "": in cert_file.
  int64_t retries = 3;          // How often one that failed in a way that may pass is sent again.
  int64_t stall_timeout = 120;  // Seconds without a byte until a transfer is given up.
  // Not an option: where it becomes other than 0, calls end (interrupted).
  const std::atomic<int>* stop = nullptr;
  bool offline = false;
};

// Adds --registry-config, --insecure-registry, --trusted-realm, --ca-file,
// --cert-file, --key-file, --retries, --stall-timeout and --offline, and the
// environment that goes with them. `options` must outlive `spec`.
void AddRegistryOptions(CommandSpec* spec, AccessOptions* options);

}  // namespace deps

#endif  // DEPS_LIB_OCI_REGISTRY_OPTIONS_H_
