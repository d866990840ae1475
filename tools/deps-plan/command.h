#ifndef DEPS_TOOLS_DEPS_PLAN_COMMAND_H_
#define DEPS_TOOLS_DEPS_PLAN_COMMAND_H_

#include <string>

#include "absl/types/span.h"
#include "lib/cli/env.h"
#include "lib/diag/diagnostic.h"

namespace deps {

// Reads a Solution and writes a Plan. Nothing but the files that are named is
// read: no network, no state.
ExitCode RunDepsPlan(absl::Span<const std::string> args, const Env& env);

}  // namespace deps

#endif  // DEPS_TOOLS_DEPS_PLAN_COMMAND_H_
