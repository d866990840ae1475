#include "tools/deps-engine-conformance/command.h"

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "lib/base/status_macros.h"
#include "lib/diag/diagnostic.h"
#include "lib/engine/conformance.h"
#include "lib/io/file.h"
#include "lib/json/json.h"

namespace deps {
namespace {

struct Options {
  CommonOptions common;
  std::string config;
  std::string driver;
  std::string image;
  std::string folder;
  int64_t patience = 120;
};

CommandSpec MakeSpec(Options* options) {
  CommandSpec spec = {
      .name = "deps-engine-conformance",
      .summary = "try whether a program is an engine for deps-run",
      .description =
          "Starts a program deps-engine-NAME as deps-run does and looks whether it keeps to the "
          "protocol: what it says of itself, how it runs plans of a few short tasks, and what it "
          "does where calls are repeated, cut short or wrong.\n\n"
          "It prints one line for each check and a last line with their number.",
      .operands = "PROGRAM",
      .min_operands = 1,
      .max_operands = 1,
      .reads = "nothing",
      .writes = "a line for each check",
      .exit_one = "A check failed.",
      .examples = {{"deps-engine-conformance ./deps-engine-example", "Try an engine."}},
      .see_also = {"deps-run(1)"},
  };
  spec.options = {
      Value("config", "FILE", &options->config, "The engine's settings, a JSON object."),
      Value("driver", "DRIVER", &options->driver,
            "How bundles run; by default as processes with a run tool of the kit's own."),
      Value("image", "REFERENCE", &options->image, "The invocation image of the bundles."),
      Value("folder", "DIR", &options->folder,
            "A folder that tasks see too; by default a temporary one."),
      Value("patience", "SECONDS", &options->patience, "For a run of three short tasks."),
  };
  AddCommonOptions(&spec, &options->common, {"text"});
  options->common.format = "text";
  return spec;
}

std::string_view Word(ConformanceResult::Outcome outcome) {
  switch (outcome) {
    case ConformanceResult::Outcome::kPassed:
      return "ok";
    case ConformanceResult::Outcome::kFailed:
      return "FAILED";
    case ConformanceResult::Outcome::kSkipped:
      return "skipped";
  }
  return "";
}

absl::StatusOr<ExitCode> Run(const Options& options, const std::string& program, const Env& env) {
  DEPS_ASSIGN_OR_RETURN(const TemporaryFolder temporary,
                        TemporaryFolder::Create("deps-engine-conformance"));
  ConformanceOptions kit = {.driver = options.driver,
                            .image = options.image,
                            .folder = options.folder.empty() ? temporary.path() : options.folder,
                            .patience = absl::Seconds(options.patience)};
  // A path, so that no other program of that name is meant.
  const std::unique_ptr<char, decltype(&std::free)> path(realpath(program.c_str(), nullptr),
                                                         &std::free);
  if (path == nullptr) {
    return MakeError({.id = DiagnosticId::kFileNotFound,
                      .message = "there is no such program",
                      .location = {.file = program}});
  }
  kit.program = path.get();
  if (!options.config.empty()) {
    DEPS_ASSIGN_OR_RETURN(const Source source, ReadFile(options.config));
    DEPS_ASSIGN_OR_RETURN(const json::Value config, json::Parse(source));
    kit.config = json::ToText(config);
  }
  int passed = 0;
  int failed = 0;
  int skipped = 0;
  // Each line as it is known: a run may take its time.
  std::string report;
  const bool streams = options.common.output.empty() || options.common.output == "-";
  CheckConformance(kit, [&](const ConformanceResult& result) {
    using Outcome = ConformanceResult::Outcome;
    (result.outcome == Outcome::kPassed   ? passed
     : result.outcome == Outcome::kFailed ? failed
                                          : skipped)++;
    absl::StrAppend(&report, Word(result.outcome), ": ", result.name,
                    result.why.empty() ? "" : ": ", result.why, "\n");
    if (streams) *env.out << std::exchange(report, "") << std::flush;
  });
  absl::StrAppend(&report, passed, " passed, ", failed, " failed, ", skipped, " skipped\n");
  DEPS_RETURN_IF_ERROR(WriteResult(options.common.output, report, env));
  return failed == 0 ? ExitCode::kOk : ExitCode::kNo;
}

}  // namespace

ExitCode RunDepsEngineConformance(absl::Span<const std::string> args, const Env& env) {
  Options options;
  const CommandSpec spec = MakeSpec(&options);
  return RunCommand(
      spec, options.common, args, env,
      [&](const Invocation& invocation, const Env& env, Terminal&) -> absl::StatusOr<ExitCode> {
        return Run(options, invocation.operands.front(), env);
      });
}

}  // namespace deps
