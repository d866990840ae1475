#include "lib/run/process_driver.h"

#include <string>
#include <utility>

#include "absl/strings/match.h"
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
  for (SecretBuffer& variable : InheritedEnvironment()) {
    const std::string name(variable.view().substr(0, variable.view().find('=')));
    if (!absl::StartsWith(name, "CNAB_") && !run.withheld.contains(name) &&
        !run.environment.contains(name)) {
      spec.environment.push_back(std::move(variable));
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
