// Cases that are known to be hard, as tables: those that the tests of pub,
// uv (packse) and libsolv are about, told in our own words.
#include <algorithm>
#include <map>
#include <ostream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "gtest/gtest.h"
#include "lib/solve/solver.h"
#include "lib/solve/table_problem.h"

namespace deps {
namespace {

// "a 2: b 1|2, c *" is version 2 of a, which needs b in version 1 or 2, and any
// c. Versions come best first; the root has one. What has no line has no version.
class Story {
 public:
  explicit Story(const std::vector<std::string>& lines) {
    Version("root", "1");
    for (const std::string& line : lines) {
      const std::vector<std::string> words = absl::StrSplit(Head(line), ' ');
      Version(words[0], words.back());
    }
    for (const std::string& line : lines) AddNeeds(line);
  }

  TableProblem& problem() { return problem_; }

  // "a 2, b 1": by name. "none" where there is no solution.
  std::string Text(const SolverResult& result) const {
    if (!result.found) return "none";
    std::map<std::string, std::string> selected;
    for (size_t package = 1; package < result.selection.size(); ++package) {
      const int candidate = result.selection[package];
      if (candidate != kNotSelected) selected[names_[package]] = versions_[package][candidate];
    }
    return absl::StrJoin(selected, ", ", absl::PairFormatter(" "));
  }

 private:
  static std::string Head(const std::string& line) {
    return std::vector<std::string>(absl::StrSplit(line, ':'))[0];
  }

  PackageId Package(const std::string& name) {
    const auto found = std::find(names_.begin(), names_.end(), name);
    if (found != names_.end()) return static_cast<PackageId>(found - names_.begin());
    names_.push_back(name);
    versions_.emplace_back();
    problem_.table.emplace_back();
    return static_cast<PackageId>(names_.size()) - 1;
  }

  TableCandidate& Version(const std::string& name, const std::string& version) {
    const PackageId package = Package(name);
    std::vector<std::string>& versions = versions_[package];
    const std::string number = name == "root" ? "1" : version;
    const auto found = std::find(versions.begin(), versions.end(), number);
    const size_t row = static_cast<size_t>(found - versions.begin());
    if (found == versions.end()) {
      versions.push_back(number);
      problem_.table[package].emplace_back();
    }
    return problem_.table[package][row];
  }

  void AddNeeds(const std::string& line) {
    const std::vector<std::string> words = absl::StrSplit(Head(line), ' ');
    const std::vector<std::string> parts = absl::StrSplit(line, absl::MaxSplits(':', 1));
    if (parts.size() < 2) return;
    for (absl::string_view need : absl::StrSplit(parts[1], ',', absl::SkipWhitespace())) {
      const std::vector<std::string> asked = absl::StrSplit(absl::StripAsciiWhitespace(need), ' ');
      TableRequirement requirement{.package = Package(asked[0])};
      const std::vector<std::string> numbers = absl::StrSplit(asked[1], '|');
      for (const std::string& version : versions_[requirement.package]) {
        const bool named = std::find(numbers.begin(), numbers.end(), version) != numbers.end();
        requirement.allowed.push_back(asked[1] == "*" || named);
      }
      Version(words[0], words.back()).requirements.push_back(std::move(requirement));
    }
  }

  std::vector<std::string> names_;
  std::vector<std::vector<std::string>> versions_;
  TableProblem problem_;
};

struct HardCase {
  const char* name;
  std::vector<std::string> lines;
  const char* expected;
  int64_t most_decisions = 20;
};

void PrintTo(const HardCase& hard, std::ostream* out) { *out << hard.name; }

std::vector<std::string> Numbered(const char* format, int from, int to) {
  std::vector<std::string> lines;
  for (int i = from; i >= to; --i) {
    lines.push_back(absl::StrReplaceAll(format, {{"#", absl::StrCat(i)}}));
  }
  return lines;
}

std::vector<std::string> Together(const std::vector<std::vector<std::string>>& parts) {
  std::vector<std::string> all;
  for (const auto& part : parts) all.insert(all.end(), part.begin(), part.end());
  return all;
}

std::vector<HardCase> HardCases() {
  return {
      // What pub's tests are about.
      {"NothingIsNeeded", {"root:"}, ""},
      {"ATreeOfDependencies",
       {"root: a *, b *", "a 1: aa *, ab *", "aa 1", "ab 1", "b 1: ba *, bb *", "ba 1", "bb 1"},
       "a 1, aa 1, ab 1, b 1, ba 1, bb 1"},
      {"OverlappingRangesOfASharedPackage",
       {"root: a *, b *", "a 1: shared 2|3|4", "b 1: shared 3|4|5", "shared 5", "shared 4",
        "shared 3", "shared 2"},
       "a 1, b 1, shared 4"},
      {"TheVersionOfASharedPackageBringsAnother",
       {"root: foo *, bar *", "foo 3", "foo 2: bang 1", "foo 1: zoop *", "bar 1: foo 1|2", "bang 1",
        "zoop 1"},
       "bang 1, bar 1, foo 2"},
      {"AnOlderVersionNoLongerNeedsAPackage",
       {"root: foo *, bar *", "foo 2", "foo 1", "bar 2: baz *", "bar 1", "baz 1: foo 1|9"},
       "bar 1, foo 2"},
      {"ALostDependencyIsNotSelected",
       {"root: foo *, bar *", "foo 1", "bar 2: baz *", "bar 1", "baz 1: foo none"},
       "bar 1, foo 1"},
      {"NothingMatches", {"root: foo 3|4", "foo 2", "foo 1"}, "none"},
      {"NobodyHasIt", {"root: foo *"}, "none"},
      {"DisjointRanges",
       {"root: foo *, bar *", "foo 1: shared 1|2", "bar 1: shared 3|4", "shared 4", "shared 2"},
       "none"},
      {"RootAndADependencyDisagree",
       {"root: foo *, bar 1", "foo 1: bar 2", "bar 2", "bar 1"},
       "none"},
      {"EachVersionWantsTheOtherOne",
       {"root: a *, b *", "a 2: b 2", "a 1: b 1", "b 2: a 1", "b 1: a 2"},
       "none"},
      {"ACircleThatOnlyAnOlderVersionCloses", {"root: a *", "a 2: b 1", "a 1", "b 1: a 1"}, "a 1"},
      {"Diamond",
       {"root: a *, b *", "a 2: c 1", "a 1", "b 2: c 3", "b 1: c 2", "c 3", "c 2", "c 1"},
       "a 1, b 2, c 3"},
      {"APartialSatisfierTakesPart",
       {"root: c *, y 2", "a 1: x 1|2", "b 1: x 2|3|4", "c 2", "c 1: a *, b *", "x 4", "x 3: y 3",
        "x 2", "x 1: y 2", "y 3", "y 2"},
       "c 2, y 2"},
      {"OnlyThePartThatFailsRollsBack",
       {"root: a *", "a 2: b *", "a 1: b *", "b 2: a 1", "b 1"},
       "a 2, b 1"},
      {"ATransitiveDependencyDecides",
       {"root: foo *", "foo 3: bar 3", "foo 2: bar 2", "foo 1: bar 1", "bar 3: baz 3",
        "bar 2: baz 2", "bar 1: baz 1", "baz 1"},
       "bar 1, baz 1, foo 1"},
      {"ANearerPackageIsToBlame",
       {"root: a *, b *", "a 2: c 2", "a 1: c 1", "b 2", "b 1", "c 1", "c 2: missing *"},
       "a 1, b 2, c 1"},
      {"TheRootIsPartOfACircle", {"root: foo *", "foo 2: root 2", "foo 1: root 1"}, "foo 1"},
      {"TheSecondGoesBackToItsLast",
       Together({{"root: foo *, bar *"},
                 Numbered("foo #: baz 0", 9, 1),
                 {"foo 0"},
                 Numbered("bar #: baz 1", 9, 1),
                 {"bar 0", "baz 0"}}),
       "bar 0, baz 0, foo 9", 40},
      {"APackageFarFromTheConflictStays",
       {"root: a *, foo *", "a 2", "a 1", "foo 3: bar 3, none *", "foo 2: bar 2, none *",
        "foo 1: bar 1", "bar 3", "bar 2", "bar 1"},
       "a 2, bar 1, foo 1"},

      // What packse's scenarios are about.
      {"TheNewestNeedsAMissingPackage",
       {"root: a *", "a 3: missing *", "a 2: missing *", "a 1: b *", "b 1"},
       "a 1, b 1"},
      {"AllVersionsNeedAMissingPackage",
       Together({{"root: a *"}, Numbered("a #: missing *", 30, 1)}), "none", 35},
      {"AHoleInARange",
       {"root: a *, b 2|3, c *", "a 3: b 1", "a 2: b 1", "b 3", "b 2", "b 1", "c 2: a 1|3",
        "c 1: a 2"},
       "none"},
      {"TheFirstKeepsItsBestAndTheSecondGoesBack",
       Together({{"root: a *, b *", "a 2: b 0|1|2|3|4|5|6|7|8|9", "a 1"},
                 Numbered("b #: a 1", 9, 1),
                 {"b 0"}}),
       "a 2, b 0", 20},
      {"GoingBackThroughAnother",
       Together({{"root: a *, b *", "a 2", "a 1"},
                 Numbered("b #: b-inner #", 9, 1),
                 Numbered("b-inner #: too-old *", 9, 2),
                 {"b-inner 1", "too-old 1: a 1"}}),
       "a 2, b 1, b-inner 1", 40},
      {"TwoBranchesAgreeOnAnOldVersion",
       {"root: a *, b *", "a 1: c 1|2", "b 1: d *", "d 1: c 1", "c 3", "c 2", "c 1"},
       "a 1, b 1, c 1, d 1"},
      {"TwoBranchesCannotAgree",
       {"root: a *, b *", "a 1: c 2", "b 1: d *", "d 1: c 1", "c 2", "c 1"},
       "none"},

      // What libsolv's test cases are about.
      {"PackagesThatNeedEachOther", {"root: a *", "a 1: b *", "b 1: a *"}, "a 1, b 1"},
      {"APackageThatNeedsItself", {"root: a *", "a 2: a 1", "a 1: a 1"}, "a 1"},
      {"TheSameNeedTwice", {"root: a *, a 1", "a 2", "a 1"}, "a 1"},
      {"NeedsThatCannotBothBe", {"root: a 1, a 2", "a 2", "a 1"}, "none"},
      {"ThreeWayConflict",
       {"root: a *, b *, c *", "a 1: x 1|2", "b 1: x 2|3", "c 1: x 1|3", "x 3", "x 2", "x 1"},
       "none"},
      {"FiveWayConflict",
       {"root: a *, b *, c *, d *, e *", "a 1: x 2|3|4|5", "b 1: x 1|3|4|5", "c 1: x 1|2|4|5",
        "d 1: x 1|2|3|5", "e 1: x 1|2|3|4", "x 5", "x 4", "x 3", "x 2", "x 1"},
       "none"},
      {"FourPigeonsInThreeHoles",
       {"root: p *, q *, r *, s *",
        "p 1: h 1",
        "p 2: i 1",
        "p 3: j 1",
        "q 1: h 2",
        "q 2: i 2",
        "q 3: j 2",
        "r 1: h 3",
        "r 2: i 3",
        "r 3: j 3",
        "s 1: h 4",
        "s 2: i 4",
        "s 3: j 4",
        "h 1",
        "h 2",
        "h 3",
        "h 4",
        "i 1",
        "i 2",
        "i 3",
        "i 4",
        "j 1",
        "j 2",
        "j 3",
        "j 4"},
       "none",
       100},
  };
}

class SolverCasesTest : public testing::TestWithParam<HardCase> {};

TEST_P(SolverCasesTest, IsSolvedOrProved) {
  Story story(GetParam().lines);
  const absl::StatusOr<SolverResult> result = Solve(story.problem(), 0);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(story.Text(*result), GetParam().expected);
  EXPECT_EQ(result->selection, story.problem().FirstSolution());
  EXPECT_LE(result->decisions, GetParam().most_decisions);
  if (!result->found) {
    EXPECT_EQ(story.problem().DefectOf(result->proof), "");
  }
}

INSTANTIATE_TEST_SUITE_P(Cases, SolverCasesTest, testing::ValuesIn(HardCases()),
                         [](const auto& tested) { return std::string(tested.param.name); });

}  // namespace
}  // namespace deps
