#include "lib/relocate/requirements.h"

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "gtest/gtest.h"
#include "lib/diag/diagnostic.h"
#include "lib/diag/source.h"
#include "lib/json/json.h"

namespace deps {
namespace {

constexpr char kV1[] = R"({"name":"a","custom":{"io.cnab.dependencies":{
  "sequence":["z","b"],
  "requires":{"z":{"bundle":"x.io/z:v1"},
              "b":{"bundle":"x.io/b","version":{"ranges":["^1","~3"],"prereleases":true}}}}}})";
constexpr char kV2[] = R"({"name":"a","unknown":[1.0,{"k":null}],
  "custom":{"io.cnab.dependencies":{"requires":{"db":{"bundle":"old"}}},
            "org.getporter.dependencies@v2":{"requires":{
              "db":{"bundle":"x.io/db:v1","version":"^1","interface":{"id":"u"}},
              "only":{"interface":{"id":"u"}}}}}})";

absl::StatusOr<std::vector<WrittenRequirement>> Read(const std::string& text) {
  const Source source = {.name = "bundle.json", .text = text};
  return WrittenRequirementsOf(source, *json::Parse(source));
}

TEST(RequirementsTest, BothFormsAreRead) {
  const std::vector<WrittenRequirement> v1 = {
      {.alias = "b", .reference = "x.io/b", .version = "^1 || ~3", .prereleases = true},
      {.alias = "z", .reference = "x.io/z:v1"}};
  EXPECT_EQ(*Read(kV1), v1);
  const std::vector<WrittenRequirement> v2 = {
      {.alias = "db", .reference = "x.io/db:v1", .version = "^1"}, {.alias = "only"}};
  EXPECT_EQ(*Read(kV2), v2);
  EXPECT_TRUE(Read("{}")->empty());
  EXPECT_TRUE(Read(R"({"custom":{"other":1}})")->empty());
}

TEST(RequirementsTest, WrongTypesAreToldAtTheirPlace) {
  const absl::StatusOr<std::vector<WrittenRequirement>> requirements =
      Read(R"({"custom":{"org.getporter.dependencies@v2":{"requires":{"db":{"bundle":7}}}}})");
  ASSERT_TRUE(HasId(requirements.status(), DiagnosticId::kDocumentType));
  EXPECT_EQ(DiagnosticsOf(requirements.status()).front().location.pointer,
            "/custom/org.getporter.dependencies@v2/requires/db/bundle");
}

TEST(RequirementsTest, OnlyTheBundleOfARequirementChanges) {
  json::Value bundle = *json::Parse({.name = "b", .text = kV2});
  EXPECT_TRUE(RewriteRequirements({{"db", "x.io/db@sha256:1"}, {"none", "n"}}, &bundle));
  EXPECT_EQ(
      json::Canonical(bundle),
      R"({"custom":{"io.cnab.dependencies":{"requires":{"db":{"bundle":"x.io/db@sha256:1"}}},)"
      R"("org.getporter.dependencies@v2":{"requires":{"db":{"bundle":"x.io/db@sha256:1",)"
      R"("interface":{"id":"u"},"version":"^1"},"only":{"interface":{"id":"u"}}}}},)"
      R"("name":"a","unknown":[1,{"k":null}]})");
  EXPECT_FALSE(RewriteRequirements({{"db", "x.io/db@sha256:1"}}, &bundle));
}

TEST(RequirementsTest, AnInterfaceGetsTheBundleThatServesIt) {
  json::Value bundle = *json::Parse({.name = "b", .text = kV2});
  EXPECT_TRUE(RewriteRequirements({{"only", "x.io/p@sha256:1"}}, &bundle));
  const Source again = {.name = "b", .text = json::Canonical(bundle)};
  EXPECT_EQ((*WrittenRequirementsOf(again, *json::Parse(again)))[1].reference, "x.io/p@sha256:1");
}

}  // namespace
}  // namespace deps
