// The option --state of every command that knows the state.
#ifndef DEPS_LIB_STATE_STATE_OPTION_H_
#define DEPS_LIB_STATE_STATE_OPTION_H_

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "lib/cli/command.h"
#include "lib/cli/env.h"

namespace deps {

// A hint where a state is, but not for this user.
inline constexpr std::string_view kElsewhere = "--state or DEPS_STATE names another place";

struct StateOptions {
  std::string url;  // As given; "" where not.
};

void AddStateOption(CommandSpec* spec, StateOptions* options);

// --state, else DEPS_STATE, else sqlite:$XDG_STATE_HOME/cnab-deps/state.db,
// where XDG_STATE_HOME is $HOME/.local/state if it is not set.
// Errors: usage where none of these variables tells.
absl::StatusOr<std::string> StateUrl(const StateOptions& options, const Env& env);

// $XDG_STATE_HOME/cnab-deps, or what stands for it; "" where nothing tells.
std::string StateFolder(const Env& env);

}  // namespace deps

#endif  // DEPS_LIB_STATE_STATE_OPTION_H_
