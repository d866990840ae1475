// The verbs of deps-run.
#ifndef DEPS_TOOLS_DEPS_RUN_VERBS_H_
#define DEPS_TOOLS_DEPS_RUN_VERBS_H_

#include <vector>

#include "absl/status/statusor.h"
#include "lib/cli/command.h"
#include "lib/cli/env.h"
#include "tools/deps-run/session.h"

namespace deps {

// As the command line describes them.
std::vector<Verb> RunVerbs();

absl::StatusOr<ExitCode> RunVerb(const Invocation& invocation, const RunCommandOptions& options,
                                 const Env& env, Terminal& terminal);

}  // namespace deps

#endif  // DEPS_TOOLS_DEPS_RUN_VERBS_H_
