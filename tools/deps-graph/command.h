#ifndef DEPS_TOOLS_DEPS_GRAPH_COMMAND_H_
#define DEPS_TOOLS_DEPS_GRAPH_COMMAND_H_

#include <string>

#include "absl/types/span.h"
#include "lib/cli/command.h"

namespace deps {

// Reads a bundle and writes its Graph document.
ExitCode RunDepsGraph(absl::Span<const std::string> args, const Env& env);

}  // namespace deps

#endif  // DEPS_TOOLS_DEPS_GRAPH_COMMAND_H_
