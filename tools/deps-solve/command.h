#ifndef DEPS_TOOLS_DEPS_SOLVE_COMMAND_H_
#define DEPS_TOOLS_DEPS_SOLVE_COMMAND_H_

#include <string>

#include "absl/types/span.h"
#include "lib/cli/env.h"
#include "lib/diag/diagnostic.h"

namespace deps {

// Reads a Graph and writes a Solution; reads and writes the lock file.
ExitCode RunDepsSolve(absl::Span<const std::string> args, const Env& env);

}  // namespace deps

#endif  // DEPS_TOOLS_DEPS_SOLVE_COMMAND_H_
