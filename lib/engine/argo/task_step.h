// A task of a plan, cut out so that it can be run without the rest.
#ifndef DEPS_LIB_ENGINE_ARGO_TASK_STEP_H_
#define DEPS_LIB_ENGINE_ARGO_TASK_STEP_H_

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "lib/model/plan.h"

namespace deps {

// Where a task's inputs come from when nothing but the task is at hand.
struct TaskStep {
  PlannedTask task;              // Sources are values, secrets, outputs and templates of those.
  std::vector<TaskItem> inputs;  // The outputs that sources name, each once, in order.
};

class StepMaker {
 public:
  // The plan must outlive the maker.
  explicit StepMaker(const Plan& plan);

  // Parameters and credentials of other tasks become what they are there; a
  // sensitive output becomes the reference to its sink.
  // Errors: plan-sink; document-value (sources in a circle, or of a task that
  // does not exist).
  absl::StatusOr<TaskStep> Make(const PlannedTask& task) const;

  const PlannedTask* Find(const std::string& id) const;

 private:
  absl::StatusOr<ValueSource> Expanded(const ValueSource& source, int depth, int* budget) const;
  absl::StatusOr<ValueSource> ExpandedInput(const ValueSource& source, int depth,
                                            int* budget) const;
  absl::StatusOr<ValueSource> ExpandedOutput(const ValueSource& source) const;

  absl::flat_hash_map<std::string, const PlannedTask*> tasks_;
};

}  // namespace deps

#endif  // DEPS_LIB_ENGINE_ARGO_TASK_STEP_H_
