#include "lib/semver/semver.h"

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "gtest/gtest.h"
#include "lib/diag/diagnostic.h"

namespace deps {
namespace {

Version V(std::string_view text) {
  absl::StatusOr<Version> version = Version::Parse(text);
  EXPECT_TRUE(version.ok()) << text << ": " << version.status();
  return version.ok() ? *version : Version();
}

TEST(VersionTest, LooseFormsBecomeCanonical) {
  struct Row {
    std::string_view text, canonical;
    int parts;
  };
  const Row rows[] = {
      {"1.2.3", "1.2.3", 3},
      {"v1.2.3", "1.2.3", 3},
      {"1.2", "1.2.0", 2},
      {"v1", "1.0.0", 1},
      {"01.02.3", "1.2.3", 3},
      {"1.2.3-beta.1+build.007", "1.2.3-beta.1+build.007", 3},
      {"1.2.3-0abc", "1.2.3-0abc", 3},
      {"1.2.3-0", "1.2.3-0", 3},
      {"1.2.3--", "1.2.3--", 3},
      {"1-2", "1.0.0-2", 1},
      {"1.2.3+a-b", "1.2.3+a-b", 3},
      {"20221209-update-renovatejson-v4", "20221209.0.0-update-renovatejson-v4", 1},
      {"18446744073709551615.0.0", "18446744073709551615.0.0", 3},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(V(row.text).ToString(), row.canonical) << row.text;
    EXPECT_EQ(V(row.text).parts(), row.parts) << row.text;
  }
}

TEST(VersionTest, WhatIsNoVersionIsRefused) {
  const std::string_view rows[] = {
      "",       "latest",    "1.2.3.4",    "1.2.beta",  "V1.2.3",  "1.2.3\n",
      " 1.2.3", "1..3",      "1.2.",       "1.2.3-",    "1.2.3+",  "1.2.3-01",
      "1.2-00", "-1.2.3",    "1.2.3-a..b", "1.2.3+a+b", "1.2.3_a", "18446744073709551616",
      "+1.2.3", "1.2.3-a_b", "vv1",        "1.2.3-é",
  };
  for (const std::string_view text : rows) {
    const absl::StatusOr<Version> version = Version::Parse(text);
    ASSERT_FALSE(version.ok()) << text;
    EXPECT_TRUE(HasId(version.status(), DiagnosticId::kVersionInvalid)) << text;
  }
}

TEST(VersionTest, OrderIsThatOfTheSpecification) {
  const std::string_view ascending[] = {
      "0.0.1-0",    "0.0.1",        "1.0.0-alpha",   "1.0.0-alpha.1", "1.0.0-alpha.beta",
      "1.0.0-beta", "1.0.0-beta.2", "1.0.0-beta.11", "1.0.0-rc.1",    "1.0.0",
      "1.2.0",      "1.10.0",       "2.0.0",
  };
  for (size_t i = 0; i + 1 < std::size(ascending); ++i) {
    EXPECT_LT(V(ascending[i]), V(ascending[i + 1])) << ascending[i];
    EXPECT_GT(V(ascending[i + 1]), V(ascending[i])) << ascending[i];
  }
  EXPECT_EQ(V("1.2"), V("v1.2.0"));
  EXPECT_EQ(V("1.2.0+x"), V("1.2.0+y"));
  // Beyond 64 bits an identifier is text, and text comes after numbers.
  EXPECT_GT(V("1.0.0-18446744073709551616"), V("1.0.0-18446744073709551615"));
  EXPECT_LT(V("1.0.0-18446744073709551616"), V("1.0.0-2a"));
}

struct RangeRow {
  std::string_view range;
  std::string_view contains;  // Separated by spaces.
  std::string_view refuses;
};

TEST(RangeTest, OperatorsMeanWhatMastermindsMeans) {
  const RangeRow rows[] = {
      {"", "1.0.0 0.0.0", "1.0.0-a"},
      {"=1.2.3", "1.2.3 1.2.3+x", "1.2.4 1.2.3-a"},
      {"1.2", "1.2.0 1.2.9", "1.3.0 1.1.9"},
      {"1", "1.0.0 1.9.9", "2.0.0 0.9.9"},
      {"*", "0.0.0 9.9.9", "1.0.0-a"},
      {"*-0", "9.9.9 1.0.0-a", ""},
      {"1.x-0", "1.5.0-rc 1.0.0", "2.0.0-a"},
      {"!=1.2.3", "1.2.4", "1.2.3"},
      {"!=1.2", "1.3.0", "1.2.0 1.2.7"},
      {"!=4.1-alpha", "4.1.0 4.1.0-beta 4.2.0", "4.1.0-alpha 4.1.3-alpha"},
      {"!=1.x", "2.0.0 0.1.0", "1.0.0 1.9.0"},
      {"!=*", "0.0.1 1.0.0", "0.0.0"},
      {">1.2.3", "1.2.4", "1.2.3"},
      {">1.2", "1.3.0", "1.2.9"},
      {">1", "2.0.0", "1.9.9"},
      {">*", "0.0.1", "0.0.0"},
      {">=1.2", "1.2.0 3.0.0", "1.1.9"},
      {"=>1.2", "1.2.0 3.0.0", "1.1.9"},
      {"<1.2", "1.1.9", "1.2.0"},
      {"<*", "", "0.0.0 1.0.0"},
      {"<=1.2", "1.2.9", "1.3.0"},
      {"=<1", "1.9.9", "2.0.0"},
      {"<=*", "0.0.9", "0.1.0"},
      {"~1.2.3", "1.2.3 1.2.9", "1.3.0 1.2.2"},
      {"~>1.2", "1.2.0 1.2.9", "1.3.0"},
      {"~1", "1.9.0", "2.0.0"},
      {"~0.0.0", "0.0.0 5.0.0", "1.0.0-a"},
      {"~0.0", "0.0.7", "0.1.0"},
      {"~*", "7.0.0", ""},
      {"^1.2.3", "1.2.3 1.9.0", "2.0.0 1.2.2"},
      {"^0.2.3", "0.2.9", "0.3.0"},
      {"^0.0.3", "0.0.3", "0.0.4"},
      {"^0.0", "0.0.9", "0.1.0"},
      {"^0", "0.9.0", "1.0.0"},
      {"^*", "0.0.0", "0.0.1"},
      {"^18446744073709551615", "18446744073709551615.1.0", "1.0.0"},
  };
  for (const RangeRow& row : rows) {
    const absl::StatusOr<Range> range = Range::Parse(row.range);
    ASSERT_TRUE(range.ok()) << row.range << ": " << range.status();
    for (const std::string_view v : absl::StrSplit(row.contains, ' ', absl::SkipEmpty())) {
      EXPECT_TRUE(range->Contains(V(v))) << row.range << " " << v;
    }
    for (const std::string_view v : absl::StrSplit(row.refuses, ' ', absl::SkipEmpty())) {
      EXPECT_FALSE(range->Contains(V(v))) << row.range << " " << v;
    }
  }
}

TEST(RangeTest, PartsCombine) {
  const RangeRow rows[] = {
      {">=1.2,<2", "1.2.0 1.9.0", "2.0.0 1.1.0"},
      {">=1.2 , <2", "1.2.0", "2.0.0"},
      {">=1.2 <2", "1.2.0", "2.0.0"},
      {"^1 || ^3", "1.5.0 3.5.0", "2.0.0"},
      {"\t>=1\n<2", "1.0.0", "2.0.0"},
      {"  *  ", "1.0.0", ""},
      {"^v1.2", "1.2.0", "2.0.0"},
      {"=v1", "1.4.0", "2.0.0"},
      {"01.2", "1.2.5", "1.3.0"},
      {"1.2 - 1.4", "1.2.0 1.4.9", "1.5.0 1.1.0"},
      {"1.2 - 1.4.5", "1.4.5", "1.4.6"},
      {">3, 1 - 5", "4.0.0 5.9.0", "3.0.0 6.0.0"},
      {"1.1-2", "1.1.0-2 1.1.0", "1.1.0-1 1.2.0"},
      {"1.x.3", "1.9.0", "2.0.0"},
      {"1 - 2 || 4 - 5", "1.0.0 5.1.0", "3.0.0"},
  };
  for (const RangeRow& row : rows) {
    const absl::StatusOr<Range> range = Range::Parse(row.range);
    ASSERT_TRUE(range.ok()) << row.range << ": " << range.status();
    for (const std::string_view v : absl::StrSplit(row.contains, ' ', absl::SkipEmpty())) {
      EXPECT_TRUE(range->Contains(V(v))) << row.range << " " << v;
    }
    for (const std::string_view v : absl::StrSplit(row.refuses, ' ', absl::SkipEmpty())) {
      EXPECT_FALSE(range->Contains(V(v))) << row.range << " " << v;
    }
  }
}

TEST(RangeTest, PrereleasesNeedOneInTheSameGroup) {
  struct Row {
    std::string_view range, version;
    bool prereleases, contains;
  };
  const Row rows[] = {
      {"^1.2.0", "1.5.0-rc.1", false, false},
      {"^1.2.0", "1.5.0-rc.1", true, true},
      {"^1.2.0-alpha.0", "1.5.0-rc.1", false, true},
      {">=1.0.0-0 <2.0.0", "2.0.0-alpha", false, true},
      {">=1.0.0-0 <2.0.0-0", "2.0.0-alpha", false, false},
      {"^1.0.0-0", "2.0.0-alpha", false, false},
      {">=1 <=2-beta || >3", "1.5.0-rc", false, true},
      {">=1 <=2-beta || >3", "3.0.1-beta", false, false},
      {"", "1.0.0-a", true, true},
  };
  for (const Row& row : rows) {
    const absl::StatusOr<Range> range = Range::Parse(row.range);
    ASSERT_TRUE(range.ok()) << row.range;
    EXPECT_EQ(range->Contains(V(row.version), row.prereleases), row.contains)
        << row.range << " " << row.version;
  }
}

TEST(RangeTest, WhatIsNoRangeIsRefused) {
  const std::string rows[] = {
      " ",         "||",
      "^1 || ",    ",1",
      "1,",        "1,,2",
      ">=1<2",     "^1 | ^2",
      "==1",       "> =1",
      "~ >1",      "1.2.3.4",
      "xx",        "1x",
      "1|2",       "18446744073709551616",
      "1.1 -2",    "1.1- 2",
      "^1 - 2",    ">=1 - 2",
      "~1 - 2",    "1 - 2 - 3",
      ">3 1 - 2",  "latest",
      "^1.2.3-01", std::string(5000, '1'),
  };
  for (const std::string& text : rows) {
    const absl::StatusOr<Range> range = Range::Parse(text);
    ASSERT_FALSE(range.ok()) << text;
    EXPECT_TRUE(HasId(range.status(), DiagnosticId::kRangeInvalid)) << text;
  }
}

TEST(VersionTagTest, UnderscoreStandsForPlusAndTheTagIsKept) {
  const std::optional<VersionTag> tag = ParseVersionTag("v1.2.3_build-1");
  ASSERT_TRUE(tag.has_value());
  EXPECT_EQ(tag->tag, "v1.2.3_build-1");
  EXPECT_EQ(tag->version.ToString(), "1.2.3+build-1");
  EXPECT_FALSE(ParseVersionTag("latest").has_value());
  EXPECT_FALSE(ParseVersionTag("v1.2.3_a_b").has_value());
}

TEST(VersionTagTest, HigherThenFullThenBytes) {
  const std::vector<std::string> sorted = {"2.0.0", "1.2.0", "1.2.0_a", "v1.2.0",
                                           "1.2",   "v1.2",  "1.2.0-rc"};
  std::vector<VersionTag> tags;
  for (const std::string& tag : sorted) tags.push_back(*ParseVersionTag(tag));
  std::reverse(tags.begin(), tags.end());
  std::sort(tags.begin(), tags.end(), BetterTag);
  std::vector<std::string> names;
  for (const VersionTag& tag : tags) names.push_back(tag.tag);
  EXPECT_EQ(names, sorted);
}

}  // namespace
}  // namespace deps
