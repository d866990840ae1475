#include "lib/state/state_option.h"

#include <optional>

#include "absl/strings/str_cat.h"
#include "lib/diag/diagnostic.h"

namespace deps {

void AddStateOption(CommandSpec* spec, StateOptions* options) {
  Option option = Value("state", "URL", &options->url,
                        "Where workflows and installations are kept: sqlite:PATH. By default "
                        "$DEPS_STATE, else sqlite:$XDG_STATE_HOME/cnab-deps/state.db.");
  spec->options.push_back(option);
  spec->environment.push_back("DEPS_STATE  URL of the state where --state is not given");
}

absl::StatusOr<std::string> StateUrl(const StateOptions& options, const Env& env) {
  if (!options.url.empty()) return options.url;
  const auto variable = [&env](std::string_view name) { return env.getenv(name).value_or(""); };
  if (const std::string url = variable("DEPS_STATE"); !url.empty()) return url;
  if (const std::string folder = variable("XDG_STATE_HOME"); !folder.empty()) {
    return absl::StrCat("sqlite:", folder, "/cnab-deps/state.db");
  }
  if (const std::string home = variable("HOME"); !home.empty()) {
    return absl::StrCat("sqlite:", home, "/.local/state/cnab-deps/state.db");
  }
  return MakeError({.id = DiagnosticId::kUsage,
                    .message = "neither --state nor DEPS_STATE, XDG_STATE_HOME or HOME tells where "
                               "the state is"});
}

}  // namespace deps
