// The engine of deps-engine-slurm: a job for each task, which runs
// `deps-run --step` on the node that Slurm gives it.
//
// What a run has is in one folder that the nodes see too: the plan, the ids of
// its jobs, and a state that the steps share. Jobs depend on each other
// (afterok), so that Slurm starts them in the plan's order without anybody
// watching. Nothing of the submitter's environment goes along (--export=NONE):
// Slurm would keep it on disk.
#ifndef DEPS_LIB_ENGINE_SLURM_SLURM_H_
#define DEPS_LIB_ENGINE_SLURM_SLURM_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "lib/engine/engine.h"
#include "lib/json/json.h"

namespace deps {

struct SlurmConfig {
  std::string folder;     // Shared by all nodes; runs are kept below it.
  std::string partition;  // "" leaves it to Slurm.
  std::string account;
  std::string deps_run;  // The path of deps-run on the nodes.
};

// `folder` and `deps_run` are what holds where `config` does not say.
// Errors: engine-refused.
absl::StatusOr<SlurmConfig> ParseSlurmConfig(const JsonText& config, std::string folder,
                                             std::string deps_run);

// Errors of its members, besides those of Engine: engine-unavailable where
// slurmctld does not answer.
std::unique_ptr<Engine> MakeSlurmEngine(SlurmConfig config);

}  // namespace deps

#endif  // DEPS_LIB_ENGINE_SLURM_SLURM_H_
