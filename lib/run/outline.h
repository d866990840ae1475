// What a runner keeps in memory of a plan, whose tasks the state has.
#ifndef DEPS_LIB_RUN_OUTLINE_H_
#define DEPS_LIB_RUN_OUTLINE_H_

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "lib/state/store.h"

namespace deps {

struct Outline {
  struct Task {
    std::string id;
    std::vector<uint32_t> needs;  // Places in `tasks`, in the plan's order.
    bool skipped = false;         // Its action is to skip it.
  };
  std::vector<Task> tasks;  // In the plan's order.
  bool makes_secrets = false;
  // The environment variables from which secrets of the plan are read, and those
  // by which stores know us.
  std::set<std::string> secret_variables;
};

// Some hundred bytes for each task of the workflow. Errors: those of
// Store::ForEachTask; document-value for a need that is no task.
absl::StatusOr<Outline> ReadOutline(const std::string& workflow, Store& store);

}  // namespace deps

#endif  // DEPS_LIB_RUN_OUTLINE_H_
