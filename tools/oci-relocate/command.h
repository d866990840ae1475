#ifndef DEPS_TOOLS_OCI_RELOCATE_COMMAND_H_
#define DEPS_TOOLS_OCI_RELOCATE_COMMAND_H_

#include <string>

#include "absl/types/span.h"
#include "lib/cli/command.h"
#include "lib/cli/env.h"

namespace deps {

// Packs bundles with all their dependencies into archives, and publishes
// archives to registries. Writes an archive or a Relocation document.
ExitCode RunOciRelocate(absl::Span<const std::string> args, const Env& env);

}  // namespace deps

#endif  // DEPS_TOOLS_OCI_RELOCATE_COMMAND_H_
