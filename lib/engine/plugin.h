// An engine that is a program of its own.
#ifndef DEPS_LIB_ENGINE_PLUGIN_H_
#define DEPS_LIB_ENGINE_PLUGIN_H_

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "lib/engine/engine.h"
#include "lib/json/json.h"

namespace deps {

// The path of deps-engine-NAME: in the folders of $DEPS_ENGINE_PATH, beside
// `self` (the running program), in /usr/libexec/deps/engines, on $PATH.
// Errors: engine-unknown, whose hint names the engines that are there.
absl::StatusOr<std::string> FindEngine(
    const std::string& name, const std::string& self,
    const std::function<std::optional<std::string>(std::string_view)>& getenv);

struct PluginOptions {
  JsonText config;                             // "" is {}.
  std::string state_dir;                       // $DEPS_STATE_DIR; made with mode 0700.
  std::function<bool()> stop;                  // True gives up.
  absl::Duration timeout = absl::Minutes(2);   // Of a call that is not watch or logs.
  absl::Duration silence = absl::Seconds(60);  // Of watch: then it is started again.
  // Its standard error, redacted by whoever shows it.
  std::function<void(std::string_view)> says;
};

// Every call starts `program` once: a plugin has no memory of its own between
// calls. Whatever it prints is bounded and checked; a call that hangs is killed.
// Answers that mean another try may help are tried again, some five times.
std::unique_ptr<Engine> MakePluginEngine(std::string program, PluginOptions options);

}  // namespace deps

#endif  // DEPS_LIB_ENGINE_PLUGIN_H_
