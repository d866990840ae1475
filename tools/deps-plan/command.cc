#include "tools/deps-plan/command.h"

#include <map>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "lib/base/status_macros.h"
#include "lib/cli/command.h"
#include "lib/io/file.h"
#include "lib/model/graph.h"
#include "lib/model/plan.h"
#include "lib/plan/plan.h"
#include "lib/plan/plan_text.h"
#include "lib/plan/sets.h"

namespace deps {
namespace {

struct PlanCommand {
  CommonOptions common;
  PlanOptions plan;
  std::vector<std::string> parameter_sets;
  std::vector<std::string> credential_sets;

  CommandSpec Spec() {
    CommandSpec spec = {
        .name = "deps-plan",
        .summary = "turn a solution into a plan that can run to its end",
        .description =
            "Puts the bundles of a solution into an order and wires parameters, credentials and "
            "outputs, so that nothing is missing when the plan runs. It asks nobody: no network, "
            "no registry, no state.\n\n"
            "Dependencies run before what needs them, and after it for uninstall. What is "
            "installed already is a task of the action skip.",
        .operands = "[FILE]",
        .reads = "a Solution document",
        .writes = "a Plan document",
        .exit_one = "Required parameters or credentials have no source.",
        .examples = {{"deps-plan --namespace dev --credential-set creds.yaml solution.json",
                      "Plan an installation in the namespace dev."},
                     {"deps-graph porter.yaml | deps-solve | deps-plan --format table",
                      "Show what would be done."}},
        .see_also = {"deps-graph(1)", "deps-solve(1)", "deps-run(1)"}};
    spec.options = {
        Value("action", "ACTION", &plan.action,
              "What to do: install (default), upgrade, uninstall, or an action that the bundle "
              "defines."),
        Value("installation", "NAME", &plan.installation,
              "The installation's name. By default the bundle's name."),
        Value("namespace", "NAMESPACE", &plan.name_space,
              "Where installations are. By default the global namespace."),
        Value("param", "[NODE#]NAME=VALUE", &plan.params,
              "A parameter's value. Of the root where no NODE (an id, path or alias) is named. "
              "Refused for sensitive parameters."),
        Value("parameter-set", "FILE", &parameter_sets,
              "A parameter set of Porter, YAML or JSON. A later one wins."),
        Value("credential-set", "FILE", &credential_sets,
              "A credential set of Porter, YAML or JSON. A later one wins."),
        Value("sink", "PROVIDER:PREFIX", &plan.sink,
              "Where sensitive outputs go, instead of into the state.")};
    AddCommonOptions(&spec, &common, {"json", "table", "dot", "mermaid"});
    return spec;
  }
};

using ReadSet = absl::StatusOr<std::map<std::string, ValueSource>> (*)(const Source&);

absl::Status AddSets(const std::vector<std::string>& files, ReadSet read,
                     std::map<std::string, ValueSource>* sources) {
  for (const std::string& file : files) {
    DEPS_ASSIGN_OR_RETURN(const Source source, ReadFile(file));
    DEPS_ASSIGN_OR_RETURN(const auto set, read(source));
    for (const auto& [name, value] : set) (*sources)[name] = value;
  }
  return absl::OkStatus();
}

absl::StatusOr<ExitCode> Run(PlanCommand& command, const Invocation& invocation, const Env& env,
                             Terminal& terminal) {
  PlanOptions& options = command.plan;
  if (!options.sink.empty() && options.sink.find(':') == std::string::npos) {
    return MakeError({.id = DiagnosticId::kUsage,
                      .message = "--sink " + options.sink + ": this is not PROVIDER:PREFIX"});
  }
  DEPS_RETURN_IF_ERROR(AddSets(command.parameter_sets, ReadParameterSet, &options.parameter_set));
  DEPS_RETURN_IF_ERROR(
      AddSets(command.credential_sets, ReadCredentialSet, &options.credential_set));
  const std::string operand = invocation.operands.empty() ? "-" : invocation.operands.front();
  DEPS_ASSIGN_OR_RETURN(const Source source, ReadOperand(operand, env));
  DEPS_ASSIGN_OR_RETURN(const Graph solution, ParseSolution(source));
  const absl::StatusOr<PlanResult> result = MakePlan(solution, options);
  if (!result.ok()) {
    // Options are not the file's fault.
    const std::vector<Diagnostic> errors = DiagnosticsOf(result.status());
    const bool in_file = !errors.front().location.pointer.empty();
    return in_file ? WithFile(result.status(), source.name) : result.status();
  }
  for (Diagnostic missing : result->missing) {
    missing.location.file = source.name;
    terminal.Report(missing);
  }
  if (!result->plan) return ExitCode::kNo;
  const Plan& plan = *result->plan;
  const std::string& format = command.common.format;
  const std::string text = format == "table"     ? FormatPlanTable(plan)
                           : format == "dot"     ? FormatPlanDot(plan)
                           : format == "mermaid" ? FormatPlanMermaid(plan)
                                                 : FormatPlan(plan, command.common.style());
  DEPS_RETURN_IF_ERROR(WriteResult(command.common.output, text, env));
  return ExitCode::kOk;
}

}  // namespace

ExitCode RunDepsPlan(absl::Span<const std::string> args, const Env& env) {
  PlanCommand command;
  const CommandSpec spec = command.Spec();
  return RunCommand(spec, command.common, args, env,
                    [&](const Invocation& invocation, const Env& world, Terminal& terminal) {
                      return Run(command, invocation, world, terminal);
                    });
}

}  // namespace deps
