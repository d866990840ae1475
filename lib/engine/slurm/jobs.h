// Slurm's own commands. Private to this package.
#ifndef DEPS_LIB_ENGINE_SLURM_JOBS_H_
#define DEPS_LIB_ENGINE_SLURM_JOBS_H_

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "lib/model/workflow.h"

namespace deps {

struct SlurmJob {
  std::string id;
  std::string state;   // "RUNNING", "CANCELLED", …
  std::string reason;  // "DependencyNeverSatisfied", …
  bool operator==(const SlurmJob&) const = default;
};

// Runs a command of Slurm and gives what it prints.
// Errors: engine-unavailable, engine-denied, engine-refused by what it says.
absl::StatusOr<std::string> RunSlurm(std::vector<std::string> argv);

// The jobs that Slurm still knows of all those named `name`, by their comment.
absl::StatusOr<std::map<std::string, SlurmJob>> JobsNamed(const std::string& name);

// Whether the job may still start or run.
bool IsActive(const SlurmJob& job);

// What a task is that left no end in the state. `job` is nullptr where Slurm
// does not know it.
void TellByJob(const SlurmJob* job, WorkflowTask* task);

}  // namespace deps

#endif  // DEPS_LIB_ENGINE_SLURM_JOBS_H_
