#include "tools/deps-plan/command.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "lib/base/status_macros.h"
#include "lib/base/to_the_end.h"
#include "lib/cli/command.h"
#include "lib/engine/argo/render.h"
#include "lib/io/file.h"
#include "lib/model/graph.h"
#include "lib/model/installation.h"
#include "lib/model/plan.h"
#include "lib/plan/plan.h"
#include "lib/plan/plan_export.h"
#include "lib/plan/plan_text.h"
#include "lib/plan/sets.h"
#include "lib/state/open_store.h"
#include "lib/state/store.h"

namespace deps {
namespace {

struct PlanCommand {
  CommonOptions common;
  PlanOptions plan;
  std::vector<std::string> parameter_sets;
  std::vector<std::string> credential_sets;
  std::string installations;
  std::string state;

  CommandSpec Spec() {
    CommandSpec spec = {
        .name = "deps-plan",
        .summary = "turn a solution into a plan that can run to its end",
        .description =
            "Puts the bundles of a solution into an order and wires parameters, credentials and "
            "outputs, so that nothing is missing when the plan runs. It asks nobody: no network, "
            "no registry, and no state but the one that --state names.\n\n"
            "Dependencies run before what needs them, and after it for uninstall. What is "
            "installed already is a task of the action skip.\n\n"
            "The formats make, github, gitlab and argo are for programs that run a plan: a "
            "makefile "
            "and CI pipelines whose jobs are deps-run --step, and a Workflow of Argo Workflows. "
            "They "
            "hold references to secrets, never values; those that run elsewhere need a --sink for "
            "sensitive outputs. svg and html are pictures.",
        .operands = "[SOLUTION]",
        .reads = "a Solution document",
        .writes = "a Plan document",
        .exit_one = "Required parameters or credentials have no source.",
        .examples = {{"deps-plan --namespace dev --credential-set creds.yaml solution.json",
                      "Plan an installation in the namespace dev."},
                     {"deps-graph porter.yaml | deps-solve | deps-plan --format table",
                      "Show what would be done."},
                     {"deps-plan --action upgrade --state sqlite:state.db solution.json",
                      "Upgrade only what changed since the last run."},
                     {"deps-plan --format make solution.json >plan.mk && make -f plan.mk -j4",
                      "Let make run the plan."}},
        .see_also = {"deps-graph(1)", "deps-solve(1)", "deps-run(1)"}};
    spec.options = {
        Value("action", "ACTION", &plan.action,
              "What to do: install (default), upgrade, uninstall, or an action that the bundle "
              "defines."),
        Value("installation", "NAME", &plan.installation,
              "The installation's name. By default the bundle's name."),
        Value("installation-of", "NODE=NAME", &plan.installation_of,
              "The name of a dependency's installation. By default ALIAS where it is shared, else "
              "PARENT-ALIAS."),
        MayBeEmpty(Value("namespace", "NAMESPACE", &plan.name_space,
                         "Where installations are. By default the global namespace.")),
        Value("param", "[NODE#]NAME=VALUE", &plan.params,
              "A parameter's value. Of the root where no NODE (an id, path or alias) is named. "
              "Refused for sensitive parameters."),
        Value("parameter-set", "FILE", &parameter_sets,
              "A parameter set of Porter, YAML or JSON. A later one wins."),
        Value("credential-set", "FILE", &credential_sets,
              "A credential set of Porter, YAML or JSON. A later one wins."),
        Value("sink", "PROVIDER:PREFIX", &plan.sink,
              "Where sensitive outputs go: to PREFIX/NAMESPACE/INSTALLATION/OUTPUT of a provider "
              "that keeps values. Without it, deps-run seals them in the state."),
        Value("installations", "FILE", &installations,
              "What is installed, as 'deps-run installations' or Porter prints it. With it an "
              "upgrade runs only what changed, an uninstallation keeps what others use, and what "
              "is another's is not written over."),
        Value("state", "URL", &state, "The same, from a state: sqlite:PATH or postgres://…."),
        Flag("force", &plan.force, "Upgrade also what did not change.")};
    AddCommonOptions(
        &spec, &common,
        {"json", "table", "dot", "mermaid", "svg", "html", "make", "github", "gitlab", "argo"});
    return spec;
  }
};

using ReadSet = absl::StatusOr<InputSet> (*)(const Source&);

absl::Status AddSets(const std::vector<std::string>& files, ReadSet read, InputSet* sources) {
  for (const std::string& file : files) {
    DEPS_ASSIGN_OR_RETURN(const Source source, ReadFile(file));
    DEPS_ASSIGN_OR_RETURN(const InputSet set, read(source));
    for (const auto& [name, entry] : set) (*sources)[name] = entry;
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> Formatted(const Plan& plan, const std::string& format) {
  if (format == "table") return FormatPlanTable(plan);
  if (format == "make") return FormatPlanMake(plan);
  if (format == "github") return FormatPlanGithub(plan);
  if (format == "gitlab") return FormatPlanGitlab(plan);
  if (format == "argo") return FormatArgo(plan, {});
  return DrawPlan(plan, format);
}

absl::Status ReadInstalled(PlanCommand& command) {
  if (!command.installations.empty() && !command.state.empty()) {
    return MakeError(
        {.id = DiagnosticId::kUsage, .message = "--installations and --state say the same"});
  }
  if (!command.installations.empty()) {
    DEPS_ASSIGN_OR_RETURN(const Source source, ReadFile(command.installations));
    DEPS_ASSIGN_OR_RETURN(command.plan.installations, ParseInstallations(source));
  }
  if (!command.state.empty()) {
    DEPS_ASSIGN_OR_RETURN(const std::unique_ptr<Store> store, OpenStore(command.state));
    DEPS_ASSIGN_OR_RETURN(command.plan.installations, store->Installations());
  }
  return absl::OkStatus();
}

absl::StatusOr<ExitCode> Run(PlanCommand& command, const Invocation& invocation, const Env& env,
                             Terminal& terminal) {
  PlanOptions& options = command.plan;
  DEPS_RETURN_IF_ERROR(AddSets(command.parameter_sets, ReadParameterSet, &options.parameter_set));
  DEPS_RETURN_IF_ERROR(
      AddSets(command.credential_sets, ReadCredentialSet, &options.credential_set));
  DEPS_RETURN_IF_ERROR(ReadInstalled(command));
  const std::string operand = invocation.operands.empty() ? "-" : invocation.operands.front();
  DEPS_ASSIGN_OR_RETURN(Source source, ReadOperand(operand, env));
  DEPS_ASSIGN_OR_RETURN(Graph parsed, ParseSolution(source));
  std::string().swap(source.text);
  Graph& solution = KeepToTheEnd(std::move(parsed));
  absl::StatusOr<PlanResult> made = MakePlan(std::move(solution), options);
  if (!made.ok()) {
    // Options are not the file's fault.
    const std::vector<Diagnostic> errors = DiagnosticsOf(made.status());
    const bool in_file = !errors.front().location.pointer.empty();
    return in_file ? WithFile(made.status(), source.name) : made.status();
  }
  const PlanResult& result = KeepToTheEnd(*std::move(made));
  for (Diagnostic missing : result.missing) {
    missing.location.file = source.name;
    terminal.Report(missing);
  }
  if (!result.plan) return ExitCode::kNo;
  const Plan& plan = *result.plan;
  const CommonOptions& common = command.common;
  if (common.format == "json") {
    const auto text = [&](TextSink sink) {
      FormatPlan(plan, common.style(), sink);
      return absl::OkStatus();
    };
    DEPS_RETURN_IF_ERROR(WriteLargeResult(common.output, text, env));
    return ExitCode::kOk;
  }
  DEPS_ASSIGN_OR_RETURN(const std::string text, Formatted(plan, common.format));
  DEPS_RETURN_IF_ERROR(WriteResult(common.output, text, env));
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
