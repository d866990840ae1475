// Runs a program of this machine as every bundle's run tool: for trying a plan
// out, and for tests.
#ifndef DEPS_LIB_RUN_PROCESS_DRIVER_H_
#define DEPS_LIB_RUN_PROCESS_DRIVER_H_

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "lib/run/driver.h"
#include "lib/run/supervisor.h"

namespace deps {

// The program also gets this process's environment, but for what is CNAB's and
// for secrets of other tasks. It is a supervisor's child: it goes on where the
// runner dies.
class ProcessDriver : public Driver {
 public:
  ProcessDriver(std::string program, std::unique_ptr<Supervisor> supervisor)
      : program_(std::move(program)), supervisor_(std::move(supervisor)) {}
  bool UsesImages() const override { return false; }
  bool RepeatsOutput() const override { return false; }
  absl::StatusOr<RunEnd> Run(const BundleRun& run, const RunWatch& watch) override;
  absl::StatusOr<std::optional<RunEnd>> Attach(const Traces& traces,
                                               const RunWatch& watch) override;
  absl::Status CleanUp(const Traces& traces) override;

 private:
  const std::string program_;
  const std::unique_ptr<Supervisor> supervisor_;
};

}  // namespace deps

#endif  // DEPS_LIB_RUN_PROCESS_DRIVER_H_
