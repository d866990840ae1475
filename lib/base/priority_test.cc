#include "lib/base/priority.h"

#include <sys/resource.h>

#include <algorithm>
#include <functional>
#include <thread>

#include "gtest/gtest.h"

namespace deps {
namespace {

int Nice() { return getpriority(PRIO_PROCESS, 0); }

void InThread(const std::function<void()>& work) { std::thread(work).join(); }

TEST(GiveWayTest, IsForAThreadAndThoseThatItStarts) {
  const int before = Nice();
  const int behind = std::max(before, 10);
  InThread([behind] {
    GiveWay();
    EXPECT_EQ(Nice(), behind);
    InThread([behind] { EXPECT_EQ(Nice(), behind); });
  });
  EXPECT_EQ(Nice(), before);
}

TEST(GiveWayTest, NobodyGoesFurtherAheadByIt) {
  InThread([] {
    ASSERT_EQ(setpriority(PRIO_PROCESS, 0, 19), 0);
    GiveWay();
    EXPECT_EQ(Nice(), 19);
  });
}

}  // namespace
}  // namespace deps
