// A plan of which one task at a time is in memory: as structs, a plan takes
// several times the room of its text.
#ifndef DEPS_LIB_MODEL_PLAN_READER_H_
#define DEPS_LIB_MODEL_PLAN_READER_H_

#include <cstddef>
#include <optional>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "lib/io/large_text.h"
#include "lib/model/plan.h"

namespace deps {

// Is given a task; an error ends the reading.
using TaskVisitor = absl::FunctionRef<absl::Status(const PlannedTask& task)>;

class PlanReader {
 public:
  // Of a plan that is in memory, and outlives the reader.
  explicit PlanReader(const Plan& plan);
  // Reads and checks all of it once. Errors: as ParsePlan, with the same places.
  // A plan whose tasks are not in the order of their stages, as no deps-plan
  // writes it, is kept in memory.
  // Cost: the text is gone through three times, some 10 microseconds a task; an id
  // and a number for each task are in memory until it returns, the stages as long
  // as the reader is there.
  static absl::StatusOr<PlanReader> Open(LargeText text);

  // The plan without its tasks.
  const Plan& head() const { return head_; }
  // In the plan's order. Errors: those of `visit`. Each call parses the text anew.
  absl::Status ForEachTask(TaskVisitor visit) const;
  // All of it, in memory.
  Plan Whole() const;

 private:
  PlanReader() = default;
  bool ReadHead();
  bool CheckTasks() const;
  absl::Status ForEachTaskOfText(TaskVisitor visit) const;

  Plan head_;
  const Plan* plan_ = nullptr;  // With the tasks, where somebody else has them.
  std::optional<Plan> own_;     // With the tasks, where the text was read as a whole.
  std::optional<LargeText> text_;
  size_t tasks_begin_ = 0;  // In the text.
};

}  // namespace deps

#endif  // DEPS_LIB_MODEL_PLAN_READER_H_
