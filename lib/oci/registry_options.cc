#include "lib/oci/registry_options.h"

#include <algorithm>
#include <string>
#include <utility>

#include "lib/cli/command.h"

namespace deps {

void AddRegistryOptions(CommandSpec* spec, AccessOptions* options) {
  const auto add = [&](Option option) {
    // The command's own meaning of a name counts.
    const auto same = [&](const Option& other) { return other.long_name == option.long_name; };
    if (std::any_of(spec->options.begin(), spec->options.end(), same)) return;
    option.group = "Registries";
    spec->options.push_back(std::move(option));
  };
  add(Value("registry-config", "FILE", &options->registry_config,
            "Take credentials from FILE, in the format of docker's config.json or podman's "
            "auth.json, and from nowhere else."));
  add(Value("insecure-registry", "HOST[:PORT]", &options->insecure_registries,
            "Reach this registry over http. Loopback hosts are reached so without it, unless they "
            "speak TLS only; with --ca-file TLS is tried first."));
  add(Value("trusted-realm", "HOST", &options->trusted_realms,
            "Let the token server HOST have the credentials of a registry that names it, and let "
            "registries lead to HOST where it is nearer than they are: in a private network, or on "
            "this machine."));
  add(Value("ca-file", "FILE", &options->ca_file,
            "Trust the certificates in FILE (PEM) besides those of the system."));
  add(Value("cert-file", "FILE", &options->cert_file,
            "Show registries that ask for one the certificate in FILE (PEM)."));
  add(Value("key-file", "FILE", &options->key_file,
            "The key of --cert-file (PEM), where it is not in the same file."));
  add(Value("retries", "N", &options->retries,
            "Send a request again up to N times after status 429, 500, 502, 503 or 504, or "
            "where the connection broke off; waits grow, and a Retry-After counts up to 30 s."));
  add(Value(
      "stall-timeout", "SECONDS", &options->stall_timeout,
      "Give up a transfer in which nothing has moved for so long; how long it takes as a whole "
      "does not matter."));
  add(Flag("offline", &options->offline, "Reach no registry; what would need one is an error."));
  for (const char* line :
       {"DOCKER_CONFIG  the folder of docker's config.json, instead of ~/.docker",
        "REGISTRY_AUTH_FILE  podman's auth.json, instead of "
        "$XDG_RUNTIME_DIR/containers/auth.json",
        "HTTPS_PROXY, HTTP_PROXY, NO_PROXY  proxies, also in lower case"}) {
    spec->environment.emplace_back(line);
  }
}

}  // namespace deps
