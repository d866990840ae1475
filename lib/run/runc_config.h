// The config.json of a container for runc.
//
// Source: OCI runtime-spec 1.0.2, config.md and config-linux.md; capabilities and
// masked paths as docker and podman have them by default.
#ifndef DEPS_LIB_RUN_RUNC_CONFIG_H_
#define DEPS_LIB_RUN_RUNC_CONFIG_H_

#include <string>
#include <vector>

#include "lib/run/image_root.h"

namespace deps {

struct ContainerMount {
  std::string from;
  std::string to;
  bool writable = true;
};

struct ContainerConfig {
  std::vector<std::string> arguments;
  ImageSettings settings;
  ContainerUser user;
  std::string root;  // Absolute.
  std::string name;
  std::vector<ContainerMount> mounts;
  // Of the user who runs it, where that is not root: the container's root is he.
  bool rootless = false;
  int64_t host_uid = 0;
  int64_t host_gid = 0;
};

// The container has namespaces of its own but for the network, which is the
// host's. Holds no value of a task.
std::string FormatContainerConfig(const ContainerConfig& config);

}  // namespace deps

#endif  // DEPS_LIB_RUN_RUNC_CONFIG_H_
