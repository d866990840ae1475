// What remains of a plan: the way in which runs are resumed on any engine.
#ifndef DEPS_LIB_ENGINE_RESIDUAL_H_
#define DEPS_LIB_ENGINE_RESIDUAL_H_

#include <map>
#include <string>

#include "absl/status/statusor.h"
#include "lib/model/plan.h"

namespace deps {

// Where the outputs of a task that has ended well are now: values of plain ones,
// references to secrets (their sinks) of sensitive ones.
using KnownOutputs = std::map<std::string, ValueSource>;

// `plan` without the tasks in `done`: nothing needs them any more, and what took
// an output of theirs takes the value instead; the bundles of a task's own
// dependencies stay, as it tells its run tool of them. Has a digest of its own;
// equal arguments give an equal plan. Absent outputs have no value: what takes one
// takes its parameter's default.
//
// Errors: engine-unsupported where a task takes a sensitive output that no sink
// holds: it is in the state of deps-run, where no other machine can read it.
absl::StatusOr<Plan> ResidualPlan(const Plan& plan,
                                  const std::map<std::string, KnownOutputs>& done);

// Whether any task takes a secret.
bool UsesSecrets(const Plan& plan);

}  // namespace deps

#endif  // DEPS_LIB_ENGINE_RESIDUAL_H_
