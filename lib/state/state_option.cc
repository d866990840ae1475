#include "lib/state/state_option.h"

#include <optional>

#include "absl/strings/str_cat.h"
#include "lib/diag/diagnostic.h"

namespace deps {

void AddStateOption(CommandSpec* spec, StateOptions* options) {
  Option option = Value("state", "URL", &options->url,
                        "Where workflows and installations are kept: sqlite:PATH, or "
                        "postgres://[USER@]HOST[:PORT]/DATABASE for several machines. By default "
                        "$DEPS_STATE, else sqlite:$XDG_STATE_HOME/cnab-deps/state.db.");
  spec->options.push_back(option);
  spec->environment.push_back("DEPS_STATE  URL of the state where --state is not given");
}

std::string StateFolder(const Env& env) {
  const auto variable = [&env](std::string_view name) { return env.getenv(name).value_or(""); };
  if (const std::string folder = variable("XDG_STATE_HOME"); !folder.empty()) {
    return absl::StrCat(folder, "/cnab-deps");
  }
  const std::string home = variable("HOME");
  return home.empty() ? "" : absl::StrCat(home, "/.local/state/cnab-deps");
}

absl::StatusOr<std::string> StateUrl(const StateOptions& options, const Env& env) {
  if (!options.url.empty()) return options.url;
  if (const std::string url = env.getenv("DEPS_STATE").value_or(""); !url.empty()) return url;
  if (const std::string folder = StateFolder(env); !folder.empty()) {
    return absl::StrCat("sqlite:", folder, "/state.db");
  }
  return MakeError({.id = DiagnosticId::kUsage,
                    .message = "neither --state nor DEPS_STATE, XDG_STATE_HOME or HOME tells where "
                               "the state is"});
}

}  // namespace deps
