// A task of a plan for deps-agent alone, as engines hand it to a pod: the
// document Step, in JSON or in base64. It holds references to secrets and no
// value of one.
//
//   {"apiVersion": "cnab-deps/v1", "kind": "Step",
//    "plan": "sha256:…",
//    "task": {…},                      as in a Plan; its sources are values,
//                                      secrets, outputs and templates of those
//    "dependencies": {"db": "{…}"},    optional: the bundle.json of each, by alias
//    "inputs": [{"task": "root/db", "name": "host", "variable": "DEPS_INPUT_0"}],
//    "outputs": {"host": "/deps/public/host"}}     optional
//
// `inputs` says which variable has which output of another task. Each output in
// `outputs` is written to its file with one newline behind it, which is not the
// value's: engines take one away.
#ifndef DEPS_LIB_AGENT_STEP_H_
#define DEPS_LIB_AGENT_STEP_H_

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "lib/agent/task.h"
#include "lib/diag/source.h"
#include "lib/model/plan.h"
#include "lib/secrets/reference.h"

namespace deps {

struct AgentStep {
  struct Input {
    TaskItem item;
    std::string variable;
  };
  std::string plan;
  PlannedTask task;
  std::map<std::string, std::string> dependencies;  // Alias -> bundle.json.
  std::vector<Input> inputs;
  std::map<std::string, std::string> outputs;  // Of the task -> file.
};

// Errors: those of json; document-kind; document-value for an output that the
// task does not have, or an alias that is no name of a folder.
absl::StatusOr<AgentStep> ParseStep(const Source& source);

// What the agent does for it. `getenv` has the inputs. DEPS_RUN names the run
// that the step is of, "NAME SECONDS" since 1970: all attempts in it have the same
// CNAB_REVISION; without it each has its own.
// Errors: bundle-invalid as with deps-run; document-value for a source of a kind
// that a step does not have, or an input whose variable is not set.
absl::StatusOr<AgentTask> TaskOfStep(const AgentStep& step, const Getenv& getenv);

}  // namespace deps

#endif  // DEPS_LIB_AGENT_STEP_H_
