// What a run tool left in /cnab/app/outputs.
#ifndef DEPS_LIB_RUN_COLLECT_H_
#define DEPS_LIB_RUN_COLLECT_H_

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "lib/agent/typed_text.h"
#include "lib/model/plan.h"
#include "lib/run/inputs.h"
#include "lib/run/scratch.h"
#include "lib/state/store.h"

namespace deps {

// An output has at most this many bytes.
inline constexpr size_t kMaxOutput = size_t{16} << 20;

// What all that a run tool leaves may take together.
inline constexpr int64_t kMaxOutputs = int64_t{256} << 20;

// Puts the outputs that `task` has in its action into `result`, also after a
// failure; sensitive ones where their sink says, or sealed. A missing one gets its
// default. Where the task succeeded and one is missing, too large, no regular file
// or not of its type, the result becomes "failed" with reason "output"; but
// uninstall may leave outputs out.
// A value that its sink does not take is sealed, and where that is all that went
// wrong the result becomes "failed" with reason "sink": see DeliverOutputs.
// Sinks are waited for until *`stop` is no longer 0.
void CollectOutputs(const PlannedTask& task, const Claim& claim, const Scratch& scratch,
                    StateKey& key, const Getenv& getenv, const std::atomic<int>* stop,
                    TaskResult* result);

// Whether these are what a run left that succeeded, with values among them that a
// sink did not take.
bool AwaitsDelivery(const std::vector<StoredOutput>& left);

// Puts those values to their sinks: the result of the run that left them.
TaskResult DeliverOutputs(const PlannedTask& task, std::vector<StoredOutput> left, StateKey& key,
                          const Getenv& getenv, const std::atomic<int>* stop);

}  // namespace deps

#endif  // DEPS_LIB_RUN_COLLECT_H_
