#include "lib/run/process_driver.h"

#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "lib/run/child.h"
#include "lib/state/owner.h"

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
  SupervisedRun supervised = {.argv = {program_}, .control = run.control};
  for (SecretBuffer& variable : InheritedEnvironment()) {
    const std::string name(variable.view().substr(0, variable.view().find('=')));
    if (!absl::StartsWith(name, "CNAB_") && !run.withheld.contains(name) &&
        !run.environment.contains(name)) {
      supervised.environment.push_back(std::move(variable));
    }
  }
  for (const auto& [name, value] : run.environment) {
    supervised.environment.push_back(Variable(name, value.view()));
  }
  supervised.environment.push_back(Variable("CNAB_ROOT", run.root));
  for (const SecretBuffer& value : run.redacted) supervised.redacted.push_back(value.Copy());
  return supervisor_->Run(supervised, watch);
}

absl::StatusOr<std::optional<RunEnd>> ProcessDriver::Attach(const Traces& traces,
                                                            const RunWatch& watch) {
  return AttachSupervised(absl::StrCat(traces.folder, "/control"), watch);
}

absl::Status ProcessDriver::CleanUp(const Traces& traces) {
  const std::optional<pid_t> process = SupervisedProcess(absl::StrCat(traces.folder, "/control"));
  if (process.has_value()) KillSession(*process, StartTimeOf(*process));
  return absl::OkStatus();
}

}  // namespace deps
