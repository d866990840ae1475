#include "lib/engine/slurm/check_jobs.h"

#include <optional>

#include "gtest/gtest.h"

namespace deps {
namespace {

TEST(MinutesOfTest, ReadsWhatSinfoPrints) {
  EXPECT_EQ(MinutesOf("1:00:00"), 60);
  EXPECT_EQ(MinutesOf("2-03:04:05"), 2 * 1440 + 3 * 60 + 4);
  EXPECT_EQ(MinutesOf("30:00"), 30);
  EXPECT_EQ(MinutesOf("infinite"), std::nullopt);
  EXPECT_EQ(MinutesOf("n/a"), std::nullopt);
  EXPECT_EQ(MinutesOf(""), std::nullopt);
}

TEST(MostJobsTest, IsFoundInTheConfiguration) {
  EXPECT_EQ(MostJobs("Configuration data as of x\nMaxJobCount             = 10000\nMaxJobId = 1\n"),
            10000U);
  EXPECT_EQ(MostJobs("MaxJobCount = (null)\n"), 0U);
  EXPECT_EQ(MostJobs(""), 0U);
}

}  // namespace
}  // namespace deps
