// Who holds a workflow: a process, told apart from a later one of the same pid.
#ifndef DEPS_LIB_STATE_OWNER_H_
#define DEPS_LIB_STATE_OWNER_H_

#include <cstdint>
#include <string>

namespace deps {

struct Owner {
  std::string id;  // ULID
  std::string host;
  int64_t pid = 0;
  int64_t start_time = 0;  // In clock ticks since the machine started.
  std::string boot_id;     // Of the kernel: another one after each start.
  bool operator==(const Owner&) const = default;
};

// This process, under a new id.
Owner ThisProcess();

// Whether the process is still there. A process of another host is taken to be
// there: it cannot be asked.
bool IsAlive(const Owner& owner);

// When process `pid` started, in clock ticks since the machine did; 0 where
// there is none, or only a zombie.
int64_t StartTimeOf(int64_t pid);

}  // namespace deps

#endif  // DEPS_LIB_STATE_OWNER_H_
