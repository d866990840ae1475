// The outside world of a command, so that a test can be that world.
#ifndef DEPS_LIB_CLI_ENV_H_
#define DEPS_LIB_CLI_ENV_H_

#include <functional>
#include <istream>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>

namespace deps {

struct Env {
  std::istream* in = nullptr;
  std::ostream* out = nullptr;
  std::ostream* err = nullptr;
  std::function<std::optional<std::string>(std::string_view)> getenv;
  bool in_is_terminal = false;
  bool out_is_terminal = false;
  bool err_is_terminal = false;
};

}  // namespace deps

#endif  // DEPS_LIB_CLI_ENV_H_
