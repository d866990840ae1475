// Runs bundles in containers by the command line of podman or docker.
#ifndef DEPS_LIB_RUN_ENGINE_DRIVER_H_
#define DEPS_LIB_RUN_ENGINE_DRIVER_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "lib/run/driver.h"
#include "lib/run/image_name.h"

namespace deps {

// Variables reach the container by deps-agent over an inherited descriptor
// (podman) or standard input (docker, whose client cannot pass others on); files
// by bind mounts from memory. Nothing of them is in a command line, in the
// engine's database or on a disk. The user's settings of the engine (such as
// CONTAINERS_CONF, DOCKER_HOST) decide about all else; docker's daemon must be of
// this machine.
class EngineDriver : public Driver {
 public:
  enum class Kind { kPodman, kDocker };
  EngineDriver(Kind kind, std::string program, DriverOptions options)
      : kind_(kind), program_(std::move(program)), options_(std::move(options)) {}
  absl::Status CheckBundle(const Bundle& bundle) const override;
  absl::StatusOr<RunEnd> Run(const BundleRun& run, const RunWatch& watch) override;
  absl::StatusOr<std::optional<RunEnd>> Attach(const Traces& traces,
                                               const RunWatch& watch) override;
  absl::Status CleanUp(const Traces& traces) override;

 private:
  absl::StatusOr<std::string> Ask(std::vector<std::string> arguments, const RunWatch& watch) const;
  absl::StatusOr<std::string> Fetch(const Bundle& bundle, const RunWatch& watch) const;
  absl::Status CheckDigest(const std::string& image, const std::string& digest,
                           const RunWatch& watch) const;
  std::vector<std::string> RunArguments(const BundleRun& run, const std::string& image) const;
  absl::Status Remove(const std::string& container) const;
  // As the engine calls it; "" where it knows of no such container.
  std::string StatusOf(const std::string& container) const;
  // Podman notes that a container runs after it has started it. Where its client is
  // killed in between, the container runs, and is "initialized" for podman, which
  // sends it no signals. Gives the process of such a one; 0 for all others.
  int64_t UnnotedProcess(const Traces& traces) const;

  const Kind kind_;
  const std::string program_;
  const DriverOptions options_;
};

}  // namespace deps

#endif  // DEPS_LIB_RUN_ENGINE_DRIVER_H_
