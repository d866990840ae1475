// The supervisor's own side. Private to this package.
#ifndef DEPS_LIB_RUN_SUPERVISOR_PROCESS_H_
#define DEPS_LIB_RUN_SUPERVISOR_PROCESS_H_

#include <cstdint>
#include <string>
#include <string_view>

namespace deps {

// A run is asked for on a connection by one message: its length in 4 bytes, and
// parts, each with its length in 4 bytes: control folder, number of arguments,
// arguments, number of variables, variables, values to be redacted. With the
// first byte come both ends of the pipe for its output. Then the runner may
// write kAskToStop and kKill, and gets one SupervisorAnswer.
inline constexpr char kAskToStop = 'T';
inline constexpr char kKill = 'K';
struct SupervisorAnswer {
  int32_t error = 0;  // errno where it could not be started.
  int32_t exit_code = 0;
};

// Serves connections that come over `socket` until the runner is gone and all
// that it started has ended. Does not return.
[[noreturn]] void Supervise(int socket);

}  // namespace deps

#endif  // DEPS_LIB_RUN_SUPERVISOR_PROCESS_H_
