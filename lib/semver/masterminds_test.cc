// Everything that Masterminds/semver itself said of some thousand versions and
// ranges, made once with the Go library: testdata/semver/masterminds.tsv.
//
//   probe   VERSION              the versions that ranges are asked about
//   version TEXT CANONICAL       "!" where the text is none
//   order   A B -1|0|1
//   range   TEXT BITS BITS       a bit a probe, the first one highest, in hexadecimal
//                                digits; without and with prereleases admitted
#include <compare>
#include <cstddef>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_split.h"
#include "gtest/gtest.h"
#include "lib/semver/semver.h"

namespace deps {
namespace {

class MastermindsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::ifstream file("testdata/semver/masterminds.tsv");
    std::string line;
    while (std::getline(file, line)) {
      std::vector<std::string> row = absl::StrSplit(line, '\t');
      if (row[0] == "probe") probes_.push_back(*Version::Parse(row[1]));
      if (row.size() > 2) absl::CUnescape(std::string(row[1]), &row[1]);
      rows_.push_back(std::move(row));
    }
    ASSERT_GT(rows_.size(), 2000u);
  }

  std::string BitsOf(const Range& range, bool prereleases) const {
    std::string bits;
    for (size_t i = 0; i < probes_.size(); i += 4) {
      int digit = 0;
      for (size_t k = i; k < i + 4 && k < probes_.size(); ++k) {
        if (range.Contains(probes_[k], prereleases)) digit |= 8 >> (k - i);
      }
      bits.push_back("0123456789abcdef"[digit]);
    }
    return bits;
  }

  std::vector<std::vector<std::string>> rows_;
  std::vector<Version> probes_;
};

TEST_F(MastermindsTest, TakesTheSameVersions) {
  for (const std::vector<std::string>& row : rows_) {
    if (row[0] != "version") continue;
    const absl::StatusOr<Version> version = Version::Parse(row[1]);
    EXPECT_EQ(version.ok() ? version->ToString() : "!", row[2]) << row[1];
  }
}

TEST_F(MastermindsTest, OrdersThemTheSameWay) {
  for (const std::vector<std::string>& row : rows_) {
    if (row[0] != "order") continue;
    const std::weak_ordering order = *Version::Parse(row[1]) <=> *Version::Parse(row[2]);
    EXPECT_EQ(order < 0 ? "-1" : order > 0 ? "1" : "0", row[3]) << row[1] << " " << row[2];
  }
}

TEST_F(MastermindsTest, HasTheSameVersionsInTheSameRanges) {
  for (const std::vector<std::string>& row : rows_) {
    // Callers of the Go library treat "" apart; here it is a range.
    if (row[0] != "range" || row[1].empty()) continue;
    const absl::StatusOr<Range> range = Range::Parse(row[1]);
    ASSERT_EQ(range.ok(), row[2] != "!") << "'" << row[1] << "' " << range.status();
    if (!range.ok()) continue;
    EXPECT_EQ(BitsOf(*range, false), row[2]) << row[1];
    EXPECT_EQ(BitsOf(*range, true), row[3]) << row[1] << " with prereleases";
  }
}

}  // namespace
}  // namespace deps
