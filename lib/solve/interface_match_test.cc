#include "lib/solve/interface_match.h"

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

}  // namespace
}  // namespace deps
