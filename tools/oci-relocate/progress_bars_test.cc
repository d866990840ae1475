#include "tools/oci-relocate/progress_bars.h"

#include <cstdint>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
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
  const std::string app = absl::StrCat("r.io/app@sha256:", std::string(64, 'a'));
  const std::string shop =
      absl::StrCat("r.io/database-of-the-whole-shop@sha256:01234567", std::string(56, 'b'));
  bars_.Expect(300 * kMib);
  bars_.Begin(app, 100 * kMib);
  bars_.Begin(shop, 200 * kMib);
  Wait(absl::Seconds(2));
  bars_.Advance(app, 5 * kMib);
  EXPECT_EQ(Drawn(),
            "r.io/app@aaaaaaaaaaaa                [            ]   5%   5.0 MiB of  100 MiB\n"
            "base-of-the-whole-shop@01234567bbbb  [            ]   0%       0 B of  200 MiB\n"
            "all, 2.5 MiB/s, 1m58s left           [            ]   1%   5.0 MiB of  300 MiB\n");
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
            "a                                    [======      ]  50%   1.0 MiB of  2.0 MiB\n"
            "all, 1.0 MiB/s, 1s left              [======      ]  50%   1.0 MiB of  2.0 MiB\n");
}

TEST_F(ProgressBarsTest, KnowWhenNothingIsLeft) {
  bars_.Expect(kMib);
  bars_.Begin("a", kMib);
  Wait(absl::Seconds(1));
  bars_.Advance("a", kMib);
  EXPECT_EQ(Drawn(),
            "a                                    [============] 100%   1.0 MiB of  1.0 MiB\n"
            "all, 1.0 MiB/s, 0s left              [============] 100%   1.0 MiB of  1.0 MiB\n");
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
