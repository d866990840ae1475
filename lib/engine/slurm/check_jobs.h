// What can be known of a run before its jobs are submitted. Private to this package.
#ifndef DEPS_LIB_ENGINE_SLURM_CHECK_JOBS_H_
#define DEPS_LIB_ENGINE_SLURM_CHECK_JOBS_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "lib/diag/diagnostic.h"
#include "lib/model/plan.h"

namespace deps {

// What all jobs of a run are submitted with.
struct JobLimits {
  int64_t minutes = 0;    // 0: what the partition has.
  std::string partition;  // "": Slurm's own choice.
  std::string account;
};

// As sbatch has them.
std::vector<std::string> OptionsOf(const JobLimits& limits);

// What stands against the jobs of `plan`: errors where Slurm would refuse them,
// would never start them, or has no room for so many; a warning for each secret
// that no job can read. Submits nothing.
// Errors: those of RunSlurm, but where Slurm says no to the jobs.
absl::StatusOr<std::vector<Diagnostic>> CheckJobs(const Plan& plan, const JobLimits& limits);

// MaxJobCount of what `scontrol show config` prints; 0 where it does not say.
size_t MostJobs(std::string_view config);

// Of sinfo's DAYS-HOURS:MINUTES:SECONDS, whole ones; absent for no limit.
std::optional<int64_t> MinutesOf(std::string_view limit);

}  // namespace deps

#endif  // DEPS_LIB_ENGINE_SLURM_CHECK_JOBS_H_
