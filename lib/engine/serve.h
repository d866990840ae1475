// The other side of the protocol: main() of a program deps-engine-NAME.
#ifndef DEPS_LIB_ENGINE_SERVE_H_
#define DEPS_LIB_ENGINE_SERVE_H_

#include <functional>
#include <memory>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "lib/cli/command.h"
#include "lib/engine/engine.h"
#include "lib/json/json.h"

namespace deps {

// Makes the engine for the settings of a request. Errors: engine-refused where
// they are wrong.
using EngineFactory =
    std::function<absl::StatusOr<std::unique_ptr<Engine>>(const JsonText& config, const Env& env)>;

// `spec` is the command's description; verbs and common options are added here.
// Reads one request from standard input, calls the engine, writes the response.
ExitCode ServeEngine(CommandSpec spec, absl::Span<const std::string> args, const Env& env,
                     const EngineFactory& make);

}  // namespace deps

#endif  // DEPS_LIB_ENGINE_SERVE_H_
