// Runs bundles in containers by runc alone: images come straight from a registry
// or an OCI layout, and no engine, daemon or database is needed.
#ifndef DEPS_LIB_RUN_RUNC_DRIVER_H_
#define DEPS_LIB_RUN_RUNC_DRIVER_H_

#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "lib/oci/registry.h"
#include "lib/run/driver.h"

namespace deps {

// What runc needs of a container lies in the run's folder in memory; its root
// file system below $TMPDIR, until the run ends. The network is the host's.
class RuncDriver : public Driver {
 public:
  // `cache` is a folder for blobs of images; "" for none.
  RuncDriver(std::string program, std::string cache, std::unique_ptr<Registry> registry,
             DriverOptions options)
      : program_(std::move(program)),
        cache_(std::move(cache)),
        registry_(std::move(registry)),
        options_(std::move(options)) {}
  absl::Status CheckBundle(const Bundle& bundle) const override;
  absl::StatusOr<RunEnd> Run(const BundleRun& run, const RunWatch& watch) override;
  absl::StatusOr<std::optional<RunEnd>> Attach(const Traces& traces,
                                               const RunWatch& watch) override;
  absl::Status CleanUp(const Traces& traces) override;

 private:
  absl::StatusOr<std::string> Ask(const Traces& traces, std::vector<std::string> arguments) const;
  absl::Status Prepare(const BundleRun& run, const RunWatch& watch, const Traces& traces);
  bool IsRunning(const Traces& traces) const;

  const std::string program_;
  const std::string cache_;
  const std::unique_ptr<Registry> registry_;
  const DriverOptions options_;
};

}  // namespace deps

#endif  // DEPS_LIB_RUN_RUNC_DRIVER_H_
