#include "lib/run/process_driver.h"

#include <cstdlib>
#include <utility>

#include "absl/strings/str_cat.h"
#include "lib/run/child.h"

namespace deps {
namespace {

SecretBuffer Variable(std::string_view name, std::string_view value) {
  SecretBuffer variable(name);
  variable.Append("=");
  variable.Append(value);
  return variable;
}

}  // namespace

absl::StatusOr<RunEnd> ProcessDriver::Run(const BundleRun& run, const RunWatch& watch) {
  ChildSpec spec = {.argv = {program_}};
  // What programs need to work at all; the rest is the bundle's.
  for (const char* name : {"PATH", "HOME", "USER", "TMPDIR", "LANG", "TZ"}) {
    const char* const value = std::getenv(name);
    if (value != nullptr && !run.environment.contains(name)) {
      spec.environment.push_back(Variable(name, value));
    }
  }
  for (const auto& [name, value] : run.environment) {
    spec.environment.push_back(Variable(name, value.view()));
  }
  spec.environment.push_back(Variable("CNAB_ROOT", run.root));
  return RunChild(spec, watch);
}

absl::Status ProcessDriver::CleanUp(const Traces& traces) {
  KillSession(traces.process, traces.start_time);
  return absl::OkStatus();
}

}  // namespace deps
