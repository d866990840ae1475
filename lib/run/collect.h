// What a run tool left in /cnab/app/outputs.
#ifndef DEPS_LIB_RUN_COLLECT_H_
#define DEPS_LIB_RUN_COLLECT_H_

#include <string>
#include <string_view>

#include "lib/agent/typed_text.h"
#include "lib/model/plan.h"
#include "lib/run/inputs.h"
#include "lib/run/scratch.h"
#include "lib/state/store.h"

namespace deps {

// An output has at most this many bytes.
inline constexpr size_t kMaxOutput = size_t{16} << 20;

// Puts the outputs that `task` has in its action into `result`, also after a
// failure; sensitive ones where their sink says, or sealed. A missing one gets its default. Where
// the task succeeded and one is missing, too large, no regular file or not of its type, the result
// becomes "failed" with reason "output"; but uninstall may leave outputs out.
void CollectOutputs(const PlannedTask& task, const Claim& claim, const Scratch& scratch,
                    StateKey& key, const Getenv& getenv, TaskResult* result);

}  // namespace deps

#endif  // DEPS_LIB_RUN_COLLECT_H_
