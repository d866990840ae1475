#include "lib/state/owner.h"

#include <unistd.h>

#include <array>
#include <fstream>
#include <sstream>
#include <string_view>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "lib/state/ulid.h"

namespace deps {
namespace {

std::string FirstLine(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

std::string HostName() {
  std::array<char, 256> name = {};
  gethostname(name.data(), name.size() - 1);
  return name.data();
}

}  // namespace

int64_t StartTimeOf(int64_t pid) {
  // proc(5): PID (NAME) STATE … with the time as field 22. NAME may hold
  // anything, so count from the last parenthesis.
  const std::string line = FirstLine(absl::StrCat("/proc/", pid, "/stat"));
  const size_t close = line.rfind(')');
  if (close == std::string::npos) return 0;
  const std::vector<std::string_view> fields =
      absl::StrSplit(std::string_view(line).substr(close + 1), ' ', absl::SkipEmpty());
  int64_t time = 0;
  if (fields.size() < 20 || fields[0] == "Z" || fields[0] == "X") return 0;
  return absl::SimpleAtoi(fields[19], &time) ? time : 0;
}

Owner ThisProcess() {
  return {.id = NewUlid(),
          .host = HostName(),
          .pid = getpid(),
          .start_time = StartTimeOf(getpid()),
          .boot_id = FirstLine("/proc/sys/kernel/random/boot_id")};
}

bool IsAlive(const Owner& owner) {
  if (owner.host != HostName()) return true;
  if (owner.boot_id != FirstLine("/proc/sys/kernel/random/boot_id")) return false;
  const int64_t start_time = StartTimeOf(owner.pid);
  return start_time != 0 && start_time == owner.start_time;
}

}  // namespace deps
