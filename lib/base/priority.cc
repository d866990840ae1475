#include "lib/base/priority.h"

#include <sys/resource.h>

#include <algorithm>

namespace deps {
namespace {

constexpr int kNice = 10;
// To Linux a process of number 0 is the calling thread.
constexpr int kThisThread = 0;

}  // namespace

void GiveWay() {
  const int nice = getpriority(PRIO_PROCESS, kThisThread);
  // Without that the work is done, too.
  static_cast<void>(setpriority(PRIO_PROCESS, kThisThread, std::max(nice, kNice)));
}

}  // namespace deps
