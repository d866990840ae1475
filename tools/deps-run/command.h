#ifndef DEPS_TOOLS_DEPS_RUN_COMMAND_H_
#define DEPS_TOOLS_DEPS_RUN_COMMAND_H_

#include <string>

#include "absl/types/span.h"
#include "lib/cli/env.h"
#include "lib/diag/diagnostic.h"

namespace deps {

// Runs a Plan document and writes a Workflow document; its verbs read and change
// what is in the state.
ExitCode RunDepsRun(absl::Span<const std::string> args, const Env& env);

}  // namespace deps

#endif  // DEPS_TOOLS_DEPS_RUN_COMMAND_H_
