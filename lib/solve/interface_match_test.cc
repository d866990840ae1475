#include "lib/solve/interface_match.h"

#include <memory>
#include <string>
#include <vector>

#include "gtest/gtest.h"

namespace deps {
namespace {

struct Row {
  std::string name;
  WantedItem wanted;    // As the output "connstr".
  std::string offered;  // The name of the bundle's only output.
  OutputDefinition output;
  bool matches = false;
};

class LacksTest : public testing::TestWithParam<Row> {};

TEST_P(LacksTest, ComparesIdentifiersBeforeNamesAndTypes) {
  const Row& row = GetParam();
  BundleDefinition offer;
  offer.bundle.outputs[row.offered] = row.output;
  const Wants wants{.outputs = {{"connstr", row.wanted}}};
  EXPECT_EQ(Lacks(wants, offer, true).empty(), row.matches);
}

INSTANTIATE_TEST_SUITE_P(
    Rows, LacksTest,
    testing::Values(Row{"SameName", {}, "connstr", {}, true},
                    Row{"OtherName", {}, "url", {}, false},
                    Row{"SameType", {"", "string"}, "connstr", {.type = "string"}, true},
                    Row{"OtherType", {"", "string"}, "connstr", {.type = "integer"}, false},
                    Row{"UntypedOffer", {"", "string"}, "connstr", {}, true},
                    Row{"SameIdOtherName", {"urn:c", ""}, "url", {.id = "urn:c"}, true},
                    Row{"SameNameWithoutId", {"urn:c", ""}, "connstr", {}, true},
                    Row{"SameNameOtherId", {"urn:c", ""}, "connstr", {.id = "urn:d"}, false}),
    [](const auto& info) { return info.param.name; });

TEST(LacksTest, AnOutputPromotedFromBelowCounts) {
  BundleDefinition offer;
  offer.dependencies.push_back({.alias = "db", .outputs = {{"connstr", "${outputs.url}"}}});
  EXPECT_EQ(Lacks({.outputs = {{"connstr", {}}}}, offer, true), std::vector<std::string>());
}

TEST(LacksTest, OfAnInstallationOnlyOutputsCount) {
  const Wants wants{
      .parameters = {{"size", {}}}, .credentials = {{"token", {}}}, .interface_id = "urn:db"};
  EXPECT_EQ(Lacks(wants, {}, true), std::vector<std::string>());
  EXPECT_EQ(Lacks(wants, {}, false),
            (std::vector<std::string>{"the parameter \"size\"", "the credential \"token\"",
                                      "the interface urn:db"}));
}

// PEP003 rule 6: the parent knows an output by the interface's name.
TEST(NamesForTest, TellsWhatTheBundleCallsOtherwise) {
  const Wants wants{
      .outputs = {{"connstr", {"urn:c", ""}}, {"host", {"urn:h", ""}}, {"port", {"", "integer"}}},
      .parameters = {{"name", {"urn:n", ""}}},
      .credentials = {{"token", {"urn:t", ""}}}};
  Bundle offer;
  offer.outputs = {{"a-url", {.id = "urn:c"}},
                   {"b-url", {.id = "urn:c"}},
                   {"a-host", {.id = "urn:h"}},
                   {"host", {.id = "urn:h"}},
                   {"port", {}}};
  offer.parameters = {{"database", {.id = "urn:n"}}};
  offer.credentials = {{"token", {.id = "urn:t"}}};
  EXPECT_EQ(NamesFor(wants, offer), (InterfaceNames{.outputs = {{"connstr", "a-url"}},
                                                    .parameters = {{"name", "database"}}}));
}

// PEP003 rule 6, bundles.md 3.1 G14: an interface is what the parent uses.
TEST(WantsOfTest, IsWhatTheParentUsesAndWhatTheInterfaceSays) {
  BundleDefinition parent;
  Dependency db{.alias = "db", .reference = "example.com/db"};
  db.interface = JsonText{
      R"({"id":"urn:db","document":{"outputs":{"wired":{"type":"string","$id":"urn:w"}}}})"};
  db.outputs = {{"promoted", "${outputs.own}"}};
  const Dependency web{
      .alias = "web",
      .reference = "example.com/web",
      .parameters = {{"url", "https://${bundle.dependencies.db.outputs.wired}/"}},
      .credentials = {{"token", "${bundle.dependencies.other.outputs.elsewhere}"}}};
  parent.dependencies = {db, web};
  parent.sources = {{.alias = "db", .output = "in-a-step"}, {.alias = "web", .output = "no"}};
  parent.bundle.parameters["p"].sources = {{"db", "by-parameter"}, {"", "own-output"}};
  const Env env = {.getenv = [](std::string_view) { return std::nullopt; }};
  const absl::StatusOr<std::unique_ptr<Catalog>> catalog = Catalog::Open({}, env);
  ASSERT_TRUE(catalog.ok()) << catalog.status();
  const absl::StatusOr<Wants> wants = WantsOf(parent, db, **catalog);
  ASSERT_TRUE(wants.ok()) << wants.status();
  EXPECT_EQ(*wants, (Wants{.outputs = {{"by-parameter", {}},
                                       {"in-a-step", {}},
                                       {"own", {}},
                                       {"wired", {"urn:w", "string"}}},
                           .interface_id = "urn:db"}));
}

}  // namespace
}  // namespace deps
