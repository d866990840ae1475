// What a run's agent gets, as a file in memory that a child can inherit.
#ifndef DEPS_LIB_RUN_AGENT_HAND_OVER_H_
#define DEPS_LIB_RUN_AGENT_HAND_OVER_H_

#include <optional>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "lib/run/driver.h"

namespace deps {

// Where a container sees the agent, and the folder that it shares with us.
inline constexpr char kAgentInContainer[] = "/.deps-agent";
inline constexpr char kControlInContainer[] = "/.deps-control";

// A descriptor of a file without a name, sealed against changes; the caller
// closes it. Errors: run-driver.
absl::StatusOr<int> HandOver(const BundleRun& run);

// Waits for the end of a run whose agent shares `traces`' folder with us, and
// passes on what it prints. `alive` is asked about twice a second whether the
// container runs; `send` sends it a signal. Absent where the agent never started,
// and then it never will, or where it is gone and has left no exit status.
absl::StatusOr<std::optional<RunEnd>> FollowAgent(const Traces& traces, const RunWatch& watch,
                                                  absl::FunctionRef<bool()> alive,
                                                  absl::FunctionRef<void(int signal)> send);

}  // namespace deps

#endif  // DEPS_LIB_RUN_AGENT_HAND_OVER_H_
