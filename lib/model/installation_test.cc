#include "lib/model/installation.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "lib/diag/diagnostic.h"

namespace deps {
namespace {

constexpr char kPorter[] = R"({
  "id": "01FZVC5AVP8Z7A78CSCP1EJ604", "schemaType": "Installation", "schemaVersion": "1.0.2",
  "name": "mysql", "namespace": "dev", "labels": {"sh.porter.SharingGroup": "myapp"},
  "bundle": {"repository": "localhost:5000/mysql", "version": "1.2.3"}, "custom": null,
  "parameters": {"database": "x"}, "credentialSets": ["c"],
  "status": {"runId": "r", "action": "install", "resultId": "q", "resultStatus": "succeeded",
    "created": "2022-04-08T14:43:50.5-05:00", "modified": "2022-04-08T14:43:50Z",
    "installed": "2022-04-08T14:43:50.123456789Z", "uninstalled": null,
    "bundleReference": "localhost:5000/mysql:v1.2.3", "bundleVersion": "1.2.3",
    "bundleDigest": "sha256:aa"},
  "_calculated": {"displayInstallationState": "installed"}})";

Installation Mysql() {
  Installation mysql{.id = "01FZVC5AVP8Z7A78CSCP1EJ604", .name = {"dev", "mysql"}};
  mysql.repository = "localhost:5000/mysql";
  mysql.version = "1.2.3";
  mysql.labels = {{"sh.porter.SharingGroup", "myapp"}};
  mysql.run_id = "r";
  mysql.action = "install";
  mysql.result_status = "succeeded";
  mysql.created = "2022-04-08T14:43:50.5-05:00";
  mysql.modified = "2022-04-08T14:43:50Z";
  mysql.installed_at = "2022-04-08T14:43:50.123456789Z";
  mysql.bundle_reference = "localhost:5000/mysql:v1.2.3";
  mysql.bundle_version = "1.2.3";
  mysql.bundle_digest = "sha256:aa";
  return mysql;
}

TEST(InstallationTest, ReadsWhatPorterPrints) {
  std::string line = kPorter;
  for (char& c : line) c = c == '\n' ? ' ' : c;
  const std::vector<std::pair<std::string, size_t>> rows = {
      {kPorter, 1}, {"[" + std::string(kPorter) + "]", 1},
      {line, 1},    {line + "\n\n" + line + "\n", 2},
      {"[]", 0},    {"", 0},
  };
  for (const auto& [text, count] : rows) {
    SCOPED_TRACE(text);
    const absl::StatusOr<std::vector<Installation>> read = ParseInstallations({"i", text});
    ASSERT_TRUE(read.ok()) << read.status();
    EXPECT_EQ(*read, std::vector<Installation>(count, Mysql()));
  }
}

TEST(InstallationTest, ReadsWhatItWrites) {
  Installation mysql = Mysql();
  mysql.outputs_known = true;
  mysql.outputs = {"connstr"};
  mysql.uninstalled = true;
  Installation other{.name = {"", "other"}};
  const absl::StatusOr<std::vector<Installation>> read =
      ParseInstallations({"i", FormatInstallations({mysql, other})});
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(*read, (std::vector<Installation>{other, mysql}));
}

TEST(InstallationTest, TellsTheLineOfAnError) {
  const absl::Status status =
      ParseInstallations({"i", "{\"name\":\"a\"}\n{\"name\":1}\n"}).status();
  ASSERT_EQ(DiagnosticsOf(status).size(), 1u);
  EXPECT_EQ(DiagnosticsOf(status)[0].location, (Location{"i", 2, 9, "/name"}));
}

TEST(InstallationTest, KnowsTheGroupThatItIsSharedIn) {
  const std::string label = R"("labels":{"sh.porter.SharingGroup":"G"})";
  const std::string parent = R"("labels":{"sh.porter.parentInstallation":"dev/app"})";
  const std::vector<std::pair<std::string, std::optional<std::string>>> rows = {
      {R"("labels":{})", ""},
      {label, "G"},
      {parent, std::nullopt},
      {R"("labels":{"sh.porter.parentInstallation":"p","sh.porter.SharingGroup":""})", ""},
      {R"("sharing":{"mode":"group","group":{"name":"edited"}},)" + label, "edited"},
      {R"("sharing":{"mode":"none"},)" + label, std::nullopt},
      {R"("sharing":{"mode":true,"group":{"name":"g"}})", "g"},
      {R"("sharing":{"mode":false})", std::nullopt},
      {R"("sharing":{"group":{}},)" + parent, ""},
  };
  for (const auto& [members, group] : rows) {
    SCOPED_TRACE(members);
    const absl::StatusOr<std::vector<Installation>> read =
        ParseInstallations({"i", "{\"name\":\"a\"," + members + "}"});
    ASSERT_TRUE(read.ok()) << read.status();
    EXPECT_EQ(read->front().Group(), group);
    EXPECT_EQ(*ParseInstallations({"i", FormatInstallations(*read)}), *read);
  }
}

TEST(InstallationTest, IsInstalledUnlessUninstalledSince) {
  const std::vector<std::tuple<std::string, std::string, bool>> rows = {
      {"", "", false},
      {"2022-01-01T00:00:00Z", "", true},
      {"2022-01-01T00:00:00Z", "2022-01-02T00:00:00Z", false},
      {"2022-01-03T00:00:00Z", "2022-01-02T00:00:00Z", true},
      {"2022-01-02T00:00:00-05:00", "2022-01-02T01:00:00Z", true},
  };
  for (const auto& [installed, uninstalled, expected] : rows) {
    Installation installation;
    installation.installed_at = installed;
    installation.uninstalled_at = uninstalled;
    EXPECT_EQ(installation.IsInstalled(), expected) << installed << " " << uninstalled;
  }
}

}  // namespace
}  // namespace deps
