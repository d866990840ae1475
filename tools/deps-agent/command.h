#ifndef DEPS_TOOLS_DEPS_AGENT_COMMAND_H_
#define DEPS_TOOLS_DEPS_AGENT_COMMAND_H_

#include <string>

#include "absl/types/span.h"
#include "lib/cli/env.h"
#include "lib/diag/diagnostic.h"

namespace deps {

// Starts a bundle's run tool with values that stand in no command line and in no
// container's configuration.
ExitCode RunDepsAgent(absl::Span<const std::string> args, const Env& env);

}  // namespace deps

#endif  // DEPS_TOOLS_DEPS_AGENT_COMMAND_H_
