// One task of a plan, as JSON by itself.
#ifndef DEPS_LIB_MODEL_PLANNED_TASK_H_
#define DEPS_LIB_MODEL_PLANNED_TASK_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "lib/diag/source.h"
#include "lib/json/json.h"
#include "lib/model/plan.h"

namespace deps {

// `value`, at `pointer` of `source`, as a Plan has it among its tasks.
// Errors: those of json::ObjectReader.
absl::Status PlannedTaskFromJson(const Source& source, const json::Value& value,
                                 std::string pointer, PlannedTask* out);

// Compact, on one line, without a newline at the end.
std::string FormatPlannedTask(const PlannedTask& task);
// Errors: those of json.
absl::StatusOr<PlannedTask> ParsePlannedTask(const Source& source);

}  // namespace deps

#endif  // DEPS_LIB_MODEL_PLANNED_TASK_H_
