#include "lib/base/parallel.h"

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "gtest/gtest.h"

namespace deps {
namespace {

TEST(RunStepsTest, RunsAllOnManyThreads) {
  std::atomic<int> sum = 0;
  std::vector<std::function<absl::Status()>> steps;
  for (int i = 1; i <= 100; ++i) {
    steps.push_back([&sum, i] {
      sum += i;
      return absl::OkStatus();
    });
  }
  EXPECT_TRUE(RunSteps(steps, 4).ok());
  EXPECT_EQ(sum, 5050);
}

TEST(RunStepsTest, TheFirstErrorInOrderIsTold) {
  std::atomic<bool> second_failed = false;
  const std::vector<std::function<absl::Status()>> steps = {
      [&] {
        while (!second_failed) std::this_thread::yield();
        return absl::UnknownError("first");
      },
      [&] {
        second_failed = true;
        return absl::UnknownError("second");
      },
  };
  EXPECT_EQ(RunSteps(steps, 2).message(), "first");
}

TEST(RunStepsTest, NothingBeginsAfterAnError) {
  bool begun = false;
  const std::vector<std::function<absl::Status()>> steps = {
      [] { return absl::UnknownError("first"); },
      [&] {
        begun = true;
        return absl::OkStatus();
      },
  };
  EXPECT_FALSE(RunSteps(steps, 1).ok());
  EXPECT_FALSE(begun);
}

TEST(RangesForThreadsTest, CoversAllWithoutASmallOne) {
  using Ranges = std::vector<IndexRange>;
  EXPECT_EQ(RangesForThreads(0, 10, 2), (Ranges{{0, 0}}));
  EXPECT_EQ(RangesForThreads(19, 10, 2), (Ranges{{0, 19}}));
  EXPECT_EQ(RangesForThreads(21, 10, 2), (Ranges{{0, 10}, {10, 21}}));
  EXPECT_EQ(RangesForThreads(1000, 10, 3), (Ranges{{0, 333}, {333, 666}, {666, 1000}}));
}

TEST(UseInOrderTest, TextsAreUsedInOrderWhoeverMakesThem) {
  std::string all;
  std::string expected;
  const std::thread::id caller = std::this_thread::get_id();
  for (int i = 0; i < 1000; ++i) expected += std::to_string(i) + ",";
  UseInOrder(
      1000, [](size_t i) { return std::to_string(i) + ","; },
      [&](std::string_view text) {
        EXPECT_EQ(std::this_thread::get_id(), caller);
        all.append(text);
      });
  EXPECT_EQ(all, expected);
  UseInOrder(
      0, [](size_t) { return std::string("none"); },
      [&](std::string_view text) { all.append(text); });
  EXPECT_EQ(all, expected);
}

}  // namespace
}  // namespace deps
