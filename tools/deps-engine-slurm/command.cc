#include "tools/deps-engine-slurm/command.h"

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_split.h"
#include "lib/base/status_macros.h"
#include "lib/engine/serve.h"
#include "lib/engine/slurm/slurm.h"

namespace deps {
namespace {

// deps-run beside this program, or on PATH; "" where it is neither.
std::string FindDepsRun(const Env& env) {
  std::error_code error;
  const std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe", error);
  std::string folders = self.parent_path().string();
  folders += ":" + env.getenv("PATH").value_or("");
  for (const std::string_view folder : absl::StrSplit(folders, ':', absl::SkipEmpty())) {
    const std::filesystem::path path = std::filesystem::path(folder) / "deps-run";
    if (std::filesystem::is_regular_file(path, error)) return path.string();
  }
  return "";
}

}  // namespace

ExitCode RunDepsEngineSlurm(absl::Span<const std::string> args, const Env& env) {
  CommandSpec spec = {
      .name = "deps-engine-slurm",
      .summary = "run plans on Slurm, for deps-run --engine slurm",
      .description =
          "Each task becomes a job that runs `deps-run --step` on its node; jobs depend on each "
          "other as the tasks do. What a run has is in a folder that all nodes must see: "
          "`folder` of the settings, by default DEPS_STATE_DIR.\n\n"
          "Nothing of the submitter's environment reaches a job, and no secret is in what Slurm "
          "keeps: secrets are read on the node, by a provider that is there (a file, Vault).",
      .environment = {"DEPS_STATE_DIR  where runs are kept if the settings name no folder",
                      "SLURM_CONF      as Slurm's own commands have it"},
      .see_also = {"sbatch(1)", "squeue(1)"},
  };
  return ServeEngine(
      std::move(spec), args, env,
      [](const JsonText& config, const Env& env) -> absl::StatusOr<std::unique_ptr<Engine>> {
        DEPS_ASSIGN_OR_RETURN(
            SlurmConfig slurm,
            ParseSlurmConfig(config, env.getenv("DEPS_STATE_DIR").value_or(""), FindDepsRun(env)));
        return MakeSlurmEngine(std::move(slurm));
      });
}

}  // namespace deps
