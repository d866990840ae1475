// The program deps-engine-argo.
#ifndef DEPS_TOOLS_DEPS_ENGINE_ARGO_COMMAND_H_
#define DEPS_TOOLS_DEPS_ENGINE_ARGO_COMMAND_H_

#include <string>

#include "absl/types/span.h"
#include "lib/cli/command.h"

namespace deps {

ExitCode RunDepsEngineArgo(absl::Span<const std::string> args, const Env& env);

}  // namespace deps

#endif  // DEPS_TOOLS_DEPS_ENGINE_ARGO_COMMAND_H_
