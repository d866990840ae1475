#ifndef DEPS_TOOLS_CNAB_PUBLISH_COMMAND_H_
#define DEPS_TOOLS_CNAB_PUBLISH_COMMAND_H_

#include <string>

#include "absl/types/span.h"
#include "lib/cli/command.h"
#include "lib/cli/env.h"

namespace deps {

// Publishes a bundle.json and its images in one repository, as cnab-to-oci does,
// and writes where they are.
ExitCode RunCnabPublish(absl::Span<const std::string> args, const Env& env);

}  // namespace deps

#endif  // DEPS_TOOLS_CNAB_PUBLISH_COMMAND_H_
