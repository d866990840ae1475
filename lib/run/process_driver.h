// Runs a program of this machine as every bundle's run tool: for trying a plan
// out, and for tests.
#ifndef DEPS_LIB_RUN_PROCESS_DRIVER_H_
#define DEPS_LIB_RUN_PROCESS_DRIVER_H_

#include <optional>
#include <string>

#include "lib/run/driver.h"

namespace deps {

// The program also gets this process's environment, but for what is CNAB's and
// for secrets of other tasks.
class ProcessDriver : public Driver {
 public:
  explicit ProcessDriver(std::string program) : program_(std::move(program)) {}
  bool UsesImages() const override { return false; }
  absl::StatusOr<RunEnd> Run(const BundleRun& run, const RunWatch& watch) override;
  // Its processes die with the runner: there is nothing to go on with.
  absl::StatusOr<std::optional<RunEnd>> Attach(const Traces&, const RunWatch&) override {
    return std::nullopt;
  }
  absl::Status CleanUp(const Traces& traces) override;

 private:
  const std::string program_;
};

}  // namespace deps

#endif  // DEPS_LIB_RUN_PROCESS_DRIVER_H_
