// Runs bundles in containers by podman.
#ifndef DEPS_LIB_RUN_PODMAN_DRIVER_H_
#define DEPS_LIB_RUN_PODMAN_DRIVER_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "lib/run/driver.h"

namespace deps {

// Variables reach the container by deps-agent over an inherited descriptor,
// files by bind mounts from memory: nothing of them is in podman's command line,
// in its database or on a disk. The user's CONTAINERS_CONF and
// CONTAINERS_STORAGE_CONF decide about all else.
class PodmanDriver : public Driver {
 public:
  PodmanDriver(std::string podman, DriverOptions options)
      : podman_(std::move(podman)), options_(std::move(options)) {}
  absl::StatusOr<RunEnd> Run(const BundleRun& run, const RunWatch& watch) override;
  absl::Status CleanUp(const Traces& traces) override;

 private:
  absl::StatusOr<std::string> Fetch(const Bundle& bundle, const RunWatch& watch) const;
  bool Has(const std::string& image, const RunWatch& watch) const;

  const std::string podman_;
  const DriverOptions options_;
};

// Under which names the image of a bundle is to be had, the best first: where
// the mapping says; in the bundle's repository and in the image's own, by
// digest; without a known digest as the bundle spells it.
// Errors: bundle-invalid where there is no image that a container can be made of.
absl::StatusOr<std::vector<std::string>> ImageCandidates(
    const Bundle& bundle, const std::map<std::string, std::string>& mapping);

// Whether the registry of `image` is this machine, where registries speak HTTP.
bool IsLoopback(std::string_view image);

}  // namespace deps

#endif  // DEPS_LIB_RUN_PODMAN_DRIVER_H_
