// A process that is started, watched and, where need be, stopped.
#ifndef DEPS_LIB_RUN_CHILD_H_
#define DEPS_LIB_RUN_CHILD_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "lib/run/driver.h"
#include "lib/secrets/secret_buffer.h"

namespace deps {

struct ChildSpec {
  std::vector<std::string> argv;  // argv[0] is a path.
  // NAME=VALUE; the whole environment.
  std::vector<SecretBuffer> environment;
  int inherited = -1;  // A descriptor that becomes 3; the rest but 0 to 2 is closed.
  int input = -1;      // One that becomes standard input, which is else empty.
  std::string container;
  bool signal_group = true;  // Signals go to all of its process group.
};

// Runs it in a session of its own, with standard output and standard error
// going to watch.output. It is killed where this process dies.
// Errors: run-driver where it cannot be started; those of watch.started.
absl::StatusOr<RunEnd> RunChild(const ChildSpec& spec, const RunWatch& watch);

// Kills what is left of the session of a process that RunChild started in an
// earlier life. Never touches a later process of the same number.
void KillSession(int64_t process, int64_t start_time);

// Kills each process of this user that began with this variable, NAME=VALUE, in its
// environment, and what such processes start meanwhile.
void KillWithVariable(std::string_view variable);

// Runs a program to its end and gives what it printed, at most 1 MiB.
// Errors: run-driver where it cannot be started or does not exit with 0; the
// message holds the last line that it printed.
absl::StatusOr<std::string> OutputOf(const ChildSpec& spec, const RunWatch& watch);

// The path of program `name` on $PATH; "" where there is none.
std::string FindProgram(const std::string& name);

// This process's environment, for ChildSpec.
std::vector<SecretBuffer> InheritedEnvironment();

}  // namespace deps

#endif  // DEPS_LIB_RUN_CHILD_H_
