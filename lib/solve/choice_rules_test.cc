// Which of several is chosen: the rules of PEP003 and of Porter (bundles.md: V is
// section 2.2, S 2.3) that the contract keeps.
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "lib/model/lock.h"
#include "lib/solve/rule_table.h"

namespace deps {
namespace {

class ChoiceRulesTest : public testing::TestWithParam<Rule> {};

TEST_P(ChoiceRulesTest, Holds) { EXPECT_EQ(Outcome(GetParam()), GetParam().expected); }

Rule With(const char* name, const std::string& needs, const std::string& expected,
          Strategy strategy) {
  return {name, needs, expected, {}, [=](ResolveOptions& o) { o.strategy = strategy; }};
}

constexpr char kTagged[] = R"("db":{"bundle":"example.com/db:v1.1.0","version":">=1.0.0"})";
constexpr char kAlone[] = R"("db":{"bundle":"example.com/db","version":"^1.1"})";

// bundles.md 2.2, with the contract's strategies.
INSTANTIATE_TEST_SUITE_P(
    Versions, ChoiceRulesTest,
    testing::Values(
        Rule{"V without a range the reference stays", R"("db":{"bundle":"example.com/db:v1.1.0"})",
             "db db:v1.1.0 default"},
        Rule{"V a repository alone is its highest release", R"("db":{"bundle":"example.com/db"})",
             "db db:v2.0.0 range"},
        Rule{"V a repository without versions is its latest",
             R"("db":{"bundle":"example.com/moving"})", "db moving:latest default"},
        With("V highest is the highest in range", kTagged, "db db:v2.0.0 range",
             Strategy::kHighest),
        With("V lowest is the lowest in range", kTagged, "db db:v1.0.0 range", Strategy::kLowest),
        With("V default is the reference where it is in range", kTagged, "db db:v1.1.0 default",
             Strategy::kDefault),
        With("V default is the highest in range where the reference is not",
             R"("db":{"bundle":"example.com/db:v1.0.0","version":"~1.1"})", "db db:v1.1.5 range",
             Strategy::kDefault),
        With("V exact is the reference whatever the range",
             R"("db":{"bundle":"example.com/db:v1.0.0","version":"^2"})", "db db:v1.0.0 default",
             Strategy::kExact),
        With("V exact of a repository alone is the highest in range", kAlone, "db db:v1.2.0 range",
             Strategy::kExact),
        With("V max-patch keeps major and minor", kTagged, "db db:v1.1.5 range",
             Strategy::kMaxPatch),
        With("V max-minor keeps the major", kTagged, "db db:v1.2.0 range", Strategy::kMaxMinor),
        With("V max-patch of a repository alone is the highest in range", kAlone,
             "db db:v1.2.0 range", Strategy::kMaxPatch),
        With("V max-patch outside of the range is a no",
             R"("db":{"bundle":"example.com/db:v1.0.0","version":"^2"})",
             "no: shop 1.0.0 needs db ^2; no db will do: 2.1.0-rc.1 is a prerelease, which ^2 does "
             "not admit; 2.0.0 is no patch of 1.0, as --strategy max-patch wants; 1.2.0, 1.1.5, "
             "1.1.0 and 1.0.0 are not in ^2",
             Strategy::kMaxPatch),
        Rule{"V nothing in range is a no and not the reference",
             R"("db":{"bundle":"example.com/db:v1.0.0","version":"^3"})",
             "no: shop 1.0.0 needs db ^3; there is none: db has 2.1.0-rc.1, 2.0.0, 1.2.0, 1.1.5, "
             "1.1.0 and 1.0.0"},
        Rule{"V a prerelease needs a range that names one",
             R"("db":{"bundle":"example.com/db","version":">=2.0.0"})", "db db:v2.0.0 range"},
        Rule{"V a range that names a prerelease admits one",
             R"("db":{"bundle":"example.com/db","version":">=2.0.0-0"})",
             "db db:v2.1.0-rc.1 range"},
        Rule{"V the registry's own text of the tag is kept",
             R"("db":{"bundle":"example.com/meta","version":"^1"})", "db meta:v1.2.0_b range"},
        Rule{"V of a digest with a range version and digest are chosen together",
             absl::StrCat(R"("db":{"bundle":"example.com/pinned@)", Digest('a'),
                          R"(","version":"^1"})"),
             "db pinned:v1.1.0 range"},
        Rule{"V a digest without range stays",
             absl::StrCat(R"("db":{"bundle":"example.com/pinned@)", Digest('a'), R"("})"),
             "db pinned: default"}),
    [](const auto& row) { return RowName(row.param); });

LockedNode At(const std::string& repository, const std::string& tag) {
  LockedNode node;
  node.repository = "example.com/" + repository;
  node.tag = tag;
  node.version = tag.substr(1);
  node.digest = Digest(tag == "v1.0.0" ? 'a' : 'b');
  return node;
}

// A lock of two nodes, at what is no longer the highest.
Lock OldLock() {
  return {.nodes = {{"root/a", At("pinned", "v1.0.0")}, {"root/b", At("pinned", "v1.0.0")}}};
}

constexpr char kTwo[] =
    R"("a":{"bundle":"example.com/pinned","version":"^1","sharing":{"mode":"none"}},)"
    R"("b":{"bundle":"example.com/pinned","version":"^1","sharing":{"mode":"none"}})";

// PEP003, "resolution"; contract section 5; bundles.md 2.3.
INSTANTIATE_TEST_SUITE_P(
    Precedence, ChoiceRulesTest,
    testing::Values(
        Rule{"An override comes before all",
             Db(),
             "db db:v2.0.0 override",
             {Installed("dev", "mine", "db", "1.1.0")},
             [](ResolveOptions& o) { o.uses = {"db=example.com/db:v2.0.0"}; }},
        Rule{"An override may be an installation",
             Db(),
             "db prod/theirs override",
             {Installed("dev", "mine", "db", "1.1.0"), Installed("prod", "theirs", "db", "2.0.0")},
             [](ResolveOptions& o) { o.uses = {"root/db=installation:prod/theirs"}; }},
        Rule{"An installation comes before the highest version",
             Db(),
             "db dev/mine installation",
             {Installed("dev", "mine", "db", "1.0.0")}},
        Rule{"The highest version comes before the reference",
             R"("db":{"bundle":"example.com/db:v1.0.0","version":"^1"})", "db db:v1.2.0 range"},
        Rule{"The lock comes before the highest version",
             kTwo,
             "a pinned:v1.0.0 lock\nb pinned:v1.0.0 lock",
             {},
             [](ResolveOptions& o) { o.lock = OldLock(); }},
        Rule{"One node is upgraded",
             kTwo,
             "a pinned:v1.0.0 lock\nb pinned:v1.1.0 range",
             {},
             [](ResolveOptions& o) {
               o.lock = OldLock();
               o.upgrades = {"b"};
             }},
        Rule{"Several nodes are upgraded",
             kTwo,
             "a pinned:v1.1.0 range\nb pinned:v1.1.0 range",
             {},
             [](ResolveOptions& o) {
               o.lock = OldLock();
               o.upgrades = {"root/a", "b"};
             }},
        Rule{"All nodes are upgraded",
             kTwo,
             "a pinned:v1.1.0 range\nb pinned:v1.1.0 range",
             {},
             [](ResolveOptions& o) {
               o.lock = OldLock();
               o.upgrades = {""};
             }},
        Rule{"S3 what is shared has one version that suits all",
             absl::StrCat(R"("db":{"bundle":"example.com/db","version":">=1.1")", kInShop,
                          R"(},"web":{"bundle":"example.com/web:v1.0.0"})"),
             "db db:v1.2.0 range\nweb web:v1.0.0 default"},
        Rule{"S3 what is in another group has its own",
             absl::StrCat(R"("db":{"bundle":"example.com/db","version":">=1.1"})",
                          R"(,"web":{"bundle":"example.com/web:v1.0.0"})"),
             "db db:v2.0.0 range\nweb web:v1.0.0 default\nweb/db db:v1.2.0 range"},
        Rule{"S3 one installation serves all that share it",
             absl::StrCat(R"("db":{"bundle":"example.com/db","version":">=1.1")", kInShop,
                          R"(},"web":{"bundle":"example.com/web:v1.0.0"})"),
             "db dev/low installation\nweb web:v1.0.0 default",
             {Installed("dev", "high", "db", "2.0.0", kOfShop),
              Installed("dev", "low", "db", "1.1.0", kOfShop)}}),
    [](const auto& row) { return RowName(row.param); });

}  // namespace
}  // namespace deps
