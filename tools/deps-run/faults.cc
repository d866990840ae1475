// For tests only: the process kills itself at a fault point. DEPS_RUN_FAULT=N
// is the N-th that it comes to, among those of the name DEPS_RUN_FAULT_AT where
// that is set; DEPS_RUN_FAULT_FILE takes the name of the point.
// With DEPS_RUN_FAULT_SIGNAL=STOP it stops there instead, and may be continued.
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>

#include "lib/state/fault_point.h"

namespace deps {
namespace {

std::atomic<int64_t> points_left = 0;

void Fall(const char* name) {
  const char* const only = std::getenv("DEPS_RUN_FAULT_AT");
  if (only != nullptr && strcmp(name, only) != 0) return;
  if (points_left.fetch_sub(1) != 1) return;
  if (const char* const path = std::getenv("DEPS_RUN_FAULT_FILE")) {
    const int file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (file >= 0 && write(file, name, strlen(name)) < 0) _exit(3);
  }
  if (std::getenv("DEPS_RUN_FAULT_SIGNAL") != nullptr) {
    raise(SIGSTOP);
    return;
  }
  kill(getpid(), SIGKILL);
  pause();
}

const bool installed = [] {
  const char* const number = std::getenv("DEPS_RUN_FAULT");
  if (number == nullptr) return false;
  points_left = std::strtoll(number, nullptr, 10);
  fault_hook = Fall;
  return true;
}();

}  // namespace
}  // namespace deps
