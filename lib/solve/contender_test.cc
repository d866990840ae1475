#include "lib/solve/contender.h"

#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "lib/solve/circle.h"

namespace deps {
namespace {

Installation Db(const std::string& name_space, const std::string& name,
                const std::string& version) {
  Installation db{.name = {name_space, name}};
  db.repository = "example.com/db";
  db.version = version;
  db.bundle_version = version;
  db.bundle_reference = "example.com/db:v" + version;
  db.installed_at = "2026-01-01T00:00:00Z";
  return db;
}

std::vector<std::string> Names(const std::vector<Contender>& candidates) {
  std::vector<std::string> names;
  for (const Contender& candidate : candidates) {
    names.push_back(candidate.installation->DisplayName());
  }
  return names;
}

// PEP003 rule 3; bundles.md 2.5, and section 8.6 of the solver's notes: ties.
TEST(InstallationCandidates, PrefersLocalThenTheHigherVersionThenTheName) {
  const std::vector<Installation> installations = {
      Db("", "a", "9.0.0"),    Db("dev", "z", "1.2.0"),  Db("dev", "b", "1.10.0"),
      Db("dev", "a", "1.2.0"), Db("prod", "a", "9.0.0"), Db("", "b", "9.1.0")};
  EXPECT_EQ(Names(InstallationCandidates(installations, "dev", "")),
            (std::vector<std::string>{"dev/b", "dev/a", "dev/z", "/b", "/a"}));
}

// bundles.md 1.7 and 2.5 (I2 to I4): which states of an installation count.
TEST(InstallationCandidates, TakesWhatIsThereAndShared) {
  struct Row {
    std::string name;
    void (*change)(Installation&);
    bool counts;
  };
  const std::vector<Row> rows = {
      {"installed", [](Installation&) {}, true},
      {"never installed", [](Installation& one) { one.installed_at = ""; }, false},
      {"uninstalled", [](Installation& one) { one.uninstalled_at = "2026-01-02T00:00:00Z"; },
       false},
      {"installed again",
       [](Installation& one) {
         one.uninstalled_at = "2026-01-02T00:00:00Z";
         one.installed_at = "2026-01-03T00:00:00Z";
       },
       true},
      {"to be uninstalled", [](Installation& one) { one.uninstalled = true; }, false},
      {"upgrade failed",
       [](Installation& one) {
         one.action = "upgrade";
         one.result_status = "failed";
       },
       true},
      {"uninstall failed",
       [](Installation& one) {
         one.action = "uninstall";
         one.result_status = "failed";
       },
       true},
      {"other group", [](Installation& one) { one.labels["sh.porter.SharingGroup"] = "x"; }, false},
      {"its parent's own",
       [](Installation& one) { one.labels["sh.porter.parentInstallation"] = "dev/app"; }, false},
      {"edited to be shared with nobody",
       [](Installation& one) { one.sharing = Sharing{.mode = Sharing::Mode::kNone}; }, false},
  };
  for (const Row& row : rows) {
    std::vector<Installation> installations = {Db("dev", "db", "1.0.0")};
    row.change(installations.front());
    EXPECT_EQ(InstallationCandidates(installations, "dev", "").size(), row.counts ? 1u : 0u)
        << row.name;
  }
}

TEST(ContenderOf, GoesByWhatRunsAndNotByWhatIsWanted) {
  Installation db = Db("dev", "db", "1.0.0");
  db.version = "2.0.0";  // Wanted; the upgrade failed before it began.
  const Contender contender = ContenderOf(db, "installation");
  EXPECT_EQ(contender.version->ToString(), "1.0.0");
  EXPECT_EQ(contender.tag, "v1.0.0");
  EXPECT_EQ(contender.reference, "example.com/db:v1.0.0");
}

TEST(VersionTagsOf, KeepsTheRegistrysTextAndOrdersEqualOnes) {
  const auto tags = [](Strategy strategy) {
    std::vector<std::string> texts;
    for (const VersionTag& tag :
         VersionTagsOf({"latest", "1.2", "v1.2.0", "1.2.0", "1.10.0_b", "v1.9.0", "x"}, strategy)) {
      texts.push_back(tag.tag);
    }
    return texts;
  };
  EXPECT_EQ(tags(Strategy::kHighest),
            (std::vector<std::string>{"1.10.0_b", "v1.9.0", "1.2.0", "v1.2.0", "1.2"}));
  EXPECT_EQ(tags(Strategy::kLowest),
            (std::vector<std::string>{"1.2.0", "v1.2.0", "1.2", "v1.9.0", "1.10.0_b"}));
}

TEST(FindCircle, FindsOneThatIsReached) {
  using Needs = std::vector<std::vector<int>>;
  EXPECT_EQ(FindCircle(Needs{{1, 2}, {2}, {}}, 0), std::vector<int>{});
  EXPECT_EQ(FindCircle(Needs{{1}, {2}, {3}, {1}}, 0), (std::vector<int>{1, 2, 3}));
  EXPECT_EQ(FindCircle(Needs{{1}, {1}}, 0), std::vector<int>{1});
  EXPECT_EQ(FindCircle(Needs{{}, {1}}, 0), std::vector<int>{});
}

TEST(FindCircle, PrefersTheShortest) {
  using Needs = std::vector<std::vector<int>>;
  // The way goes round by 1, 2, 3 and 4 before it comes to the short cut.
  EXPECT_EQ(FindCircle(Needs{{1}, {2}, {3}, {4, 2}, {1}}, 0), (std::vector<int>{2, 3}));
}

TEST(FindCircle, CopesWithDepth) {
  std::vector<std::vector<int>> needs(100000);
  for (size_t i = 0; i + 1 < needs.size(); ++i) needs[i] = {static_cast<int>(i) + 1};
  EXPECT_TRUE(FindCircle(needs, 0).empty());
}

}  // namespace
}  // namespace deps
