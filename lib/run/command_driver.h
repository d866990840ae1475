// Runs bundles by a program cnab-NAME, as cnab-go does: CNAB's command driver.
#ifndef DEPS_LIB_RUN_COMMAND_DRIVER_H_
#define DEPS_LIB_RUN_COMMAND_DRIVER_H_

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "lib/run/driver.h"

namespace deps {

// The program gets the operation as JSON on standard input, in memory only; its
// variables besides in the environment, with their names in CNAB_VARS; and puts
// outputs below CNAB_OUTPUT_DIR, each under its whole path. What it answers to
// --handles says which images it runs. Source: cnab-go driver/command.
//
// How it hands secrets on is its own affair.
class CommandDriver : public Driver {
 public:
  CommandDriver(std::string program, DriverOptions options)
      : program_(std::move(program)), options_(std::move(options)) {}
  absl::StatusOr<RunEnd> Run(const BundleRun& run, const RunWatch& watch) override;
  // Nobody knows what it left running: there is nothing to go on with.
  absl::StatusOr<std::optional<RunEnd>> Attach(const Traces&, const RunWatch&) override {
    return std::nullopt;
  }
  absl::Status CleanUp(const Traces& traces) override;

 private:
  absl::StatusOr<Image> ChooseImage(const BundleRun& run, const RunWatch& watch) const;

  const std::string program_;
  const DriverOptions options_;
};

// What the program reads.
// Errors: bundle-invalid where a value or a file is no text, which JSON cannot
// hold.
absl::StatusOr<SecretBuffer> OperationJson(const BundleRun& run, const Image& image);

}  // namespace deps

#endif  // DEPS_LIB_RUN_COMMAND_DRIVER_H_
