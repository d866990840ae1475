#include "tools/oci-relocate/progress_bars.h"

#include <cstdint>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "gtest/gtest.h"

namespace deps {
namespace {

constexpr int64_t kMib = int64_t{1} << 20;

class ProgressBarsTest : public testing::Test {
 protected:
  // What was drawn since the last call.
  std::string Drawn() {
    std::string drawn = screen_.str();
    screen_.str("");
    return drawn;
  }
  void Wait(absl::Duration time) { now_ += time; }

  absl::Time now_ = absl::FromUnixSeconds(1'000'000);
  std::ostringstream screen_;
  std::vector<std::string> said_;
  ProgressBars bars_{
      {.err = &screen_, .now = [this] { return now_; }, .columns = [] { return 80; }},
      [this](std::string_view text) { said_.emplace_back(text); }};
};

TEST_F(ProgressBarsTest, ShowEachTransferAndAllTogetherWithRateAndTimeLeft) {
  bars_.Expect(30 * kMib);
  bars_.Begin("r.io/app@sha256:aa", 10 * kMib);
  bars_.Begin("r.io/database-of-the-shop@sha256:bb", 20 * kMib);
  Wait(absl::Seconds(2));
  bars_.Advance("r.io/app@sha256:aa", 5 * kMib);
  EXPECT_EQ(Drawn(),
            "r.io/app@sha256:aa                      [======      ]  50%  5.0 MiB of 10 MiB\n"
            "r.io/database-of-the-shop@sha256:bb         [            ]   0%  0 B of 20 MiB\n"
            "all, 2.5 MiB/s, 10s left                [==          ]  16%  5.0 MiB of 30 MiB\n");
}

TEST_F(ProgressBarsTest, AreThereOnlyAfterASecondAndTenTimesASecond) {
  bars_.Expect(10 * kMib);
  bars_.Begin("a", 10 * kMib);
  Wait(absl::Milliseconds(900));
  bars_.Advance("a", kMib);
  EXPECT_EQ(Drawn(), "");
  Wait(absl::Milliseconds(100));
  bars_.Advance("a", kMib);
  EXPECT_NE(Drawn(), "");
  Wait(absl::Milliseconds(90));
  bars_.Advance("a", kMib);
  EXPECT_EQ(Drawn(), "");
  Wait(absl::Milliseconds(10));
  bars_.Advance("a", kMib);
  EXPECT_NE(Drawn(), "");
}

TEST_F(ProgressBarsTest, MakeWayForLinesAndGoAtTheEnd) {
  bars_.Expect(10 * kMib);
  bars_.Begin("a", 10 * kMib);
  Wait(absl::Seconds(1));
  bars_.Advance("a", kMib);
  Drawn();
  bars_.Say("a step");
  EXPECT_EQ(said_, std::vector<std::string>{"a step"});
  EXPECT_EQ(Drawn(), "\x1b[2A\r\x1b[J");
  bars_.Clear();
  EXPECT_EQ(Drawn(), "");
}

TEST_F(ProgressBarsTest, LeaveOutWhatNeedsNoTransfer) {
  bars_.Expect(10 * kMib);
  bars_.Skip(8 * kMib);
  bars_.Begin("a", 2 * kMib);
  Wait(absl::Seconds(1));
  bars_.Advance("a", kMib);
  EXPECT_EQ(Drawn(),
            "a                                      [======      ]  50%  1.0 MiB of 2.0 MiB\n"
            "all, 1.0 MiB/s, 1s left                [======      ]  50%  1.0 MiB of 2.0 MiB\n");
}

TEST_F(ProgressBarsTest, KnowWhenNothingIsLeft) {
  bars_.Expect(kMib);
  bars_.Begin("a", kMib);
  Wait(absl::Seconds(1));
  bars_.Advance("a", kMib);
  EXPECT_EQ(Drawn(),
            "a                                      [============] 100%  1.0 MiB of 1.0 MiB\n"
            "all, 1.0 MiB/s, 0s left                [============] 100%  1.0 MiB of 1.0 MiB\n");
}

TEST(ShortSizeTest, IsWhatPeopleRead) {
  const std::vector<std::pair<int64_t, std::string>> rows = {
      {0, "0 B"},
      {1023, "1023 B"},
      {1024, "1.0 KiB"},
      {10 * kMib, "10 MiB"},
      {3 * kMib / 2, "1.5 MiB"},
      {kMib << 30, "1024 TiB"},
  };
  for (const auto& [bytes, text] : rows) EXPECT_EQ(ShortSize(bytes), text);
}

}  // namespace
}  // namespace deps
