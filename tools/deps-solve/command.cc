#include "tools/deps-solve/command.h"

#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "lib/base/status_macros.h"
#include "lib/base/to_the_end.h"
#include "lib/bundle/catalog.h"
#include "lib/cli/command.h"
#include "lib/graph/show.h"
#include "lib/io/file.h"
#include "lib/model/graph.h"
#include "lib/model/installation.h"
#include "lib/model/lock.h"
#include "lib/solve/resolve.h"
#include "lib/state/open_store.h"
#include "lib/state/state_option.h"

namespace deps {
namespace {

struct SolveCommand {
  CommonOptions common;
  CatalogOptions catalog;
  StateOptions state;
  ResolveOptions resolve;
  std::string installations;
  std::string lock;
  bool frozen = false;
  std::string strategy = "highest";
  std::string default_sharing = "group";

  CommandSpec Spec() {
    CommandSpec spec = {
        .name = "deps-solve",
        .summary = "choose what stands for each dependency of a graph",
        .description =
            "Chooses for each dependency, in this order: what --use names, what the lock file "
            "holds, an installation that may be shared, the highest version in range, the "
            "reference itself. What several bundles share gets one version that suits all of "
            "them; the search is complete, so an answer of no is a proof, and it is explained.\n\n"
            "What could not be looked up is an error and never taken for something that does not "
            "exist.\n\n"
            "An installation is reused where it is installed, in the namespace or the global one, "
            "of "
            "the same sharing group and, unless the dependency has an interface, of the same "
            "repository at a version in range; and where it has the outputs that are used. For a "
            "dependency with only an interface the bundles of --provider are tried in their order, "
            "or without any those of the --index documents, by name.\n\n"
            "With --lock each tag of a full version is compared with the digest that is locked; "
            "another one is an error. Where all that is locked still fits, no tags are listed.",
        .operands = "[GRAPH]",
        .reads = "a Graph document",
        .writes = "a Solution document, or a picture of it",
        .exit_one = "There is no solution, or with --frozen the lock file would change.",
        .examples = {{"deps-graph porter.yaml | deps-solve --lock deps.lock.json",
                      "Solve, and keep to what the lock file holds."},
                     {"deps-solve --use mysql=installation:dev/mysql graph.json",
                      "Use a database that is there already."},
                     {"deps-solve --format svg -o solution.svg graph.json",
                      "Draw what was chosen and what is reused."}},
        .see_also = {"deps-graph(1)", "deps-plan(1)"}};
    spec.options = {
        Value("use", "NODE=REFERENCE", &resolve.uses,
              "What shall stand for a node: a bundle's reference, or "
              "installation:[NAMESPACE/]NAME. NODE is an id, a path or an alias."),
        MayBeEmpty(Value("namespace", "NAMESPACE", &resolve.name_space,
                         "Where installations are looked for, before the global namespace.")),
        Value("installation", "NAME", &resolve.expand.installation.name,
              "What installation.name means in sharing groups; without it the bundle's name."),
        Value("installations", "FILE", &installations,
              "Installations as `porter installations list -o json` prints them, instead of those "
              "in the state."),
        Value("lock", "FILE", &lock, "Prefer what FILE holds, and write the result to it."),
        Flag("frozen", &frozen,
             "With --lock: refuse to differ from the file, and do not write it. What is locked is "
             "not looked up again, so that no network is needed for what is at hand."),
        {.long_name = "upgrade",
         .value_name = "NODE",
         .help = "Ignore the lock file, or what it holds for NODE.",
         .target = &resolve.upgrades,
         .value_optional = true},
        Choice("strategy",
               {"highest", "lowest", "min", "default", "exact", "max-patch", "max-minor"},
               &strategy, "Which of the versions in range is preferred. 'highest' is the default."),
        Value("provider", "REFERENCE", &resolve.providers,
              "A bundle for dependencies that name only an interface."),
        Choice("default-sharing", {"group", "none"}, &default_sharing,
               "What holds where a dependency does not say with whom it is shared.")};
    AddCatalogOptions(&spec, &catalog);
    AddStateOption(&spec, &state);
    AddCommonOptions(&spec, &common, {"json", "tree", "dot", "mermaid", "svg", "html"});
    return spec;
  }
};

absl::Status UsageError(std::string message) {
  return MakeError({.id = DiagnosticId::kUsage, .message = std::move(message)});
}

absl::Status ReadInstallations(SolveCommand& command, const std::string& operand, const Env& env) {
  if (command.installations.empty()) {
    DEPS_ASSIGN_OR_RETURN(const std::string url, StateUrl(command.state, env));
    DEPS_ASSIGN_OR_RETURN(const auto store, OpenForReading(url));
    DEPS_ASSIGN_OR_RETURN(command.resolve.installations, store->Installations());
    return absl::OkStatus();
  }
  if (command.installations == "-" && operand == "-") {
    return UsageError("--installations: the graph comes from standard input already");
  }
  DEPS_ASSIGN_OR_RETURN(const Source source, command.installations == "-"
                                                 ? ReadOperand("-", env)
                                                 : ReadFile(command.installations));
  DEPS_ASSIGN_OR_RETURN(command.resolve.installations, ParseInstallations(source));
  return absl::OkStatus();
}

absl::Status ReadLock(SolveCommand& command) {
  if (command.lock.empty()) {
    return command.frozen ? UsageError("--frozen needs --lock FILE") : absl::OkStatus();
  }
  const absl::StatusOr<Source> source = ReadFile(command.lock);
  // The first run makes the file.
  if (HasId(source.status(), DiagnosticId::kFileNotFound) && !command.frozen) {
    return absl::OkStatus();
  }
  DEPS_RETURN_IF_ERROR(source.status());
  DEPS_ASSIGN_OR_RETURN(command.resolve.lock, ParseLock(*source));
  return absl::OkStatus();
}

void ReportNoSolution(const Graph& solution, Terminal& terminal) {
  const Explanation& last = solution.explanation.back();
  terminal.Report(Diagnostic{.id = DiagnosticId::kSolveUnsatisfiable,
                             .message = last.message,
                             .hint = last.hint,
                             .details = ExplanationLines(solution.explanation)});
}

// The places of an error are in the graph, which has a name here alone.
absl::Status InGraph(const absl::Status& status, const std::string& name) {
  std::vector<Diagnostic> diagnostics = DiagnosticsOf(status);
  for (Diagnostic& diagnostic : diagnostics) {
    Location& location = diagnostic.location;
    if (location.file.empty() && !location.pointer.empty()) location.file = name;
  }
  return MakeErrors(std::move(diagnostics));
}

absl::StatusOr<ExitCode> Run(SolveCommand& command, const Invocation& invocation, const Env& env,
                             Terminal& terminal) {
  ResolveOptions& options = command.resolve;
  options.strategy = *ParseStrategy(command.strategy);
  options.expand.installation.name_space = options.name_space;
  options.frozen = command.frozen;
  if (command.default_sharing == "none") options.expand.default_sharing = Sharing::Mode::kNone;
  const std::string operand = invocation.operands.empty() ? "-" : invocation.operands.front();
  DEPS_RETURN_IF_ERROR(ReadInstallations(command, operand, env));
  DEPS_RETURN_IF_ERROR(ReadLock(command));
  DEPS_ASSIGN_OR_RETURN(const Source source, ReadOperand(operand, env));
  DEPS_ASSIGN_OR_RETURN(Graph parsed, ParseGraph(source));
  const Graph& graph = KeepToTheEnd(std::move(parsed));
  DEPS_ASSIGN_OR_RETURN(const std::unique_ptr<Catalog> catalog,
                        Catalog::Open(command.catalog, env));
  absl::StatusOr<ResolveResult> resolved = Resolve(graph, options, *catalog);
  if (!resolved.ok()) return InGraph(resolved.status(), source.name);
  const ResolveResult& result = KeepToTheEnd(*std::move(resolved));
  for (const Diagnostic& diagnostic : result.solution.diagnostics) {
    if (diagnostic.severity == Severity::kWarning) terminal.Report(diagnostic);
  }
  const bool solved = result.solution.status == "solved";
  if (!solved) ReportNoSolution(result.solution, terminal);
  if (solved && command.frozen && !result.lock_differences.empty()) {
    for (Diagnostic difference : result.lock_differences) {
      difference.location.file = command.lock;
      terminal.Report(difference);
    }
    return ExitCode::kNo;
  }
  if (solved && !command.lock.empty() && !command.frozen) {
    DEPS_RETURN_IF_ERROR(WriteFile(command.lock, FormatLock(result.lock)));
  }
  const std::string text =
      command.common.format == "json"
          ? FormatGraph(result.solution, command.common.style())
          : ShowGraph(result.solution, command.common.format, ColorsOutput(env, command.common));
  DEPS_RETURN_IF_ERROR(WriteResult(command.common.output, text, env));
  return solved ? ExitCode::kOk : ExitCode::kNo;
}

}  // namespace

ExitCode RunDepsSolve(absl::Span<const std::string> args, const Env& env) {
  SolveCommand command;
  const CommandSpec spec = command.Spec();
  return RunCommand(spec, command.common, args, env,
                    [&](const Invocation& invocation, const Env& world, Terminal& terminal) {
                      return Run(command, invocation, world, terminal);
                    });
}

}  // namespace deps
