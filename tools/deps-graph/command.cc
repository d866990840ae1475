#include "tools/deps-graph/command.h"

#include <memory>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "lib/base/status_macros.h"
#include "lib/base/to_the_end.h"
#include "lib/bundle/catalog.h"
#include "lib/diag/diagnostic.h"
#include "lib/graph/extension.h"
#include "lib/graph/make.h"
#include "lib/graph/show.h"
#include "lib/model/bundle.h"
#include "lib/model/graph.h"

namespace deps {
namespace {

struct Options {
  CommonOptions common;
  CatalogOptions catalog;
  GraphOptions graph;
  std::string default_sharing = "group";
};

CommandSpec MakeSpec(Options* options) {
  CommandSpec spec = {
      .name = "deps-graph",
      .summary = "turn a bundle into the graph of its dependencies",
      .description =
          "Reads a bundle, expands the default of every dependency to any depth, checks how they "
          "are wired and writes the graph. BUNDLE is a porter.yaml, a bundle.json, a folder with "
          "either, an archive (.tgz), an OCI layout (oci:FOLDER[:TAG]), or a reference to a "
          "registry; "
          "- reads a bundle.json from standard input. What an archive or layout holds besides is "
          "taken from there.\n\n"
          "Both forms of dependencies are read, io.cnab.dependencies and "
          "org.getporter.dependencies@v2. Where a reference is only a repository, the highest "
          "version in range stands for it. Versions are judged by deps-solve: where none matches, "
          "the graph has a warning and a node without bundle.\n\n"
          "All mistakes are told at once, each at its place: names that do not exist, wiring of a "
          "dependency to itself, bundles that need each other in a circle, ranges and templates "
          "that are malformed.",
      .operands = "[BUNDLE]",
      .max_operands = 1,
      .reads = "a bundle",
      .writes = "a Graph document, or a picture of it",
      .exit_one = "Does not occur.",
      .examples = {{"deps-graph porter.yaml | deps-solve | deps-plan | deps-run",
                    "Install a bundle with all that it needs."},
                   {"deps-graph --format tree localhost:5000/myenv:v0.1.0",
                    "Show what a bundle needs."},
                   {"deps-graph --format html -o graph.html .",
                    "Make a page of the dependencies of the bundle in this folder, which can be "
                    "searched and folded."},
                   {"deps-graph --format extension porter.yaml",
                    "Print what Porter puts into the bundle as org.getporter.dependencies@v2."}},
      .see_also = {"deps-solve(1)", "deps-plan(1)"},
  };
  spec.options = {
      Flag("keep-going", &options->graph.keep_going,
           "Go on where a bundle cannot be had: a warning says so, and its node has no bundle."),
      Choice("default-sharing", {"group", "none"}, &options->default_sharing,
             "What holds where a dependency does not say with whom it is shared. 'group', the "
             "default, shares it with all others that do not say; 'none' never, as Porter does."),
      MayBeEmpty(
          Value("namespace", "NAMESPACE", &options->graph.expand.installation.name_space,
                "What installation.namespace means in sharing groups; without it the global one.")),
      Value("installation", "NAME", &options->graph.expand.installation.name,
            "What installation.name means in sharing groups; without it the bundle's name."),
  };
  AddCatalogOptions(&spec, &options->catalog);
  AddCommonOptions(&spec, &options->common,
                   {"json", "tree", "dot", "mermaid", "svg", "html", "extension"});
  return spec;
}

absl::StatusOr<ExitCode> Run(const Options& options, const Invocation& invocation, const Env& env,
                             Terminal& terminal) {
  DEPS_ASSIGN_OR_RETURN(const std::unique_ptr<Catalog> catalog,
                        Catalog::Open(options.catalog, env));
  const std::string operand = invocation.operands.empty() ? "-" : invocation.operands[0];
  GraphOptions graph_options = options.graph;
  DEPS_ASSIGN_OR_RETURN(const std::shared_ptr<const BundleDefinition> bundle,
                        OpenBundle(operand, *catalog, env, &graph_options.mistakes));
  if (options.default_sharing == "none") {
    graph_options.expand.default_sharing = Sharing::Mode::kNone;
  }
  // What a bundle itself says needs no other bundle.
  if (options.common.format == "extension") {
    DEPS_RETURN_IF_ERROR(CheckRoot(*bundle, graph_options));
    const std::string text = FormatExtension(*bundle, options.common.style());
    DEPS_RETURN_IF_ERROR(WriteResult(options.common.output, text, env));
    return ExitCode::kOk;
  }
  DEPS_ASSIGN_OR_RETURN(Graph made, MakeGraph(bundle, *catalog, graph_options));
  const Graph& graph = KeepToTheEnd(std::move(made));
  for (const Diagnostic& diagnostic : graph.diagnostics) terminal.Report(diagnostic);
  const std::string text =
      options.common.format == "json"
          ? FormatGraph(graph, options.common.style())
          : ShowGraph(graph, options.common.format, ColorsOutput(env, options.common));
  DEPS_RETURN_IF_ERROR(WriteResult(options.common.output, text, env));
  return ExitCode::kOk;
}

}  // namespace

ExitCode RunDepsGraph(absl::Span<const std::string> args, const Env& env) {
  Options options;
  const CommandSpec spec = MakeSpec(&options);
  return RunCommand(spec, options.common, args, env,
                    [&](const Invocation& invocation, const Env& world, Terminal& terminal) {
                      return Run(options, invocation, world, terminal);
                    });
}

}  // namespace deps
