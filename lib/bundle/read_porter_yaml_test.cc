#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "gtest/gtest.h"
#include "lib/bundle/read.h"
#include "lib/diag/diagnostic.h"
#include "lib/diag/source.h"
#include "lib/json/json.h"
#include "lib/model/bundle.h"

namespace deps {
namespace {

Source File(std::string text) { return {.name = "porter.yaml", .text = std::move(text)}; }

constexpr char kWhole[] = R"(schemaVersion: 1.1.0
name: app
version: 1.0
mixins: [exec, {helm3: {clientVersion: v3}}]
parameters:
  - {name: log-level, type: string, default: no}
  - {name: replicas, type: integer, default: 3, minimum: 1, sensitive: true, applyTo: [install]}
  - {name: config, type: file, path: /cnab/app/config}
  - {name: host, type: string, source: {dependency: db, output: host}}
credentials:
  - {name: token, env: TOKEN}
  - {name: kube, path: /root/.kube, required: false}
outputs:
  - {name: url, type: string, sensitive: true, $id: "https://example.com/url"}
customActions:
  status: {stateless: true, modifies: false}
  rotate:
images:
  web: {repository: example.com/web, digest: "sha256:1"}
  old: {repository: example.com/old, tag: 1.20}
dependencies:
  provides: {interface: {id: "https://example.com/app"}}
  requires:
    - name: db
      bundle:
        reference: example.com/mysql
        version: 1.2
        interface:
          id: https://example.com/sql
          document:
            outputs:
              - {name: dsn, type: string, sensitive: true}
      sharing: {mode: true, group: {name: 7}}
      parameters: {port: 3306, verbose: no, nothing: ''}
      credentials: {token: "${bundle.credentials.token}"}
      outputs: {dsn: "${outputs.dsn}"}
    - name: own
      bundle: {reference: example.com/own:v1}
      sharing: {mode: none}
install: []
)";

TEST(ReadPorterYaml, KeepsWhatPorterWouldPutIntoTheBundle) {
  const absl::StatusOr<BundleDefinition> read = ReadPorterYaml(File(kWhole));
  ASSERT_TRUE(read.ok()) << read.status();
  Bundle bundle{.name = "app", .version = "1.0"};
  bundle.parameters["log-level"] = {
      .type = "string", .default_value = JsonText{"\"no\""}, .destination = {.env = "LOG_LEVEL"}};
  bundle.parameters["replicas"] = {.type = "integer",
                                   .default_value = JsonText{"3"},
                                   .sensitive = true,
                                   .apply_to = {"install"},
                                   .destination = {.env = "REPLICAS"},
                                   .schema = JsonText{R"({"minimum":1})"}};
  bundle.parameters["config"] = {.type = "string",
                                 .required = true,
                                 .destination = {.path = "/cnab/app/config"},
                                 .schema = JsonText{R"({"contentEncoding":"base64"})"}};
  bundle.parameters["host"] = {
      .type = "string", .destination = {.env = "HOST"}, .sources = {{"db", "host"}}};
  bundle.credentials["token"] = {.required = true, .destination = {.env = "TOKEN"}};
  bundle.credentials["kube"] = {.destination = {.path = "/root/.kube"}};
  bundle.outputs["url"] = {.type = "string",
                           .sensitive = true,
                           .id = "https://example.com/url",
                           .path = "/cnab/app/outputs/url"};
  bundle.actions["status"] = {.stateless = true};
  bundle.actions["rotate"] = {};
  bundle.provides = {"https://example.com/app"};
  bundle.images["web"] = {.image = "example.com/web@sha256:1", .content_digest = "sha256:1"};
  bundle.images["old"] = {.image = "example.com/old:1.20"};
  EXPECT_EQ(read->bundle, bundle);
  const auto at = [](int line, std::string pointer) {
    return Location{.file = "porter.yaml", .line = line, .column = 7, .pointer = pointer};
  };
  const std::vector<Dependency> dependencies = {
      {.alias = "db",
       .reference = "example.com/mysql",
       .version = "1.2",
       .sharing = Sharing{.mode = Sharing::Mode::kGroup, .group = "7"},
       .interface = JsonText{R"({"document":{"outputs":{"dsn":{"type":"string","writeOnly":true}}})"
                             R"(,"id":"https://example.com/sql"})"},
       .parameters = {{"port", "3306"}, {"verbose", "no"}, {"nothing", ""}},
       .credentials = {{"token", "${bundle.credentials.token}"}},
       .outputs = {{"dsn", "${outputs.dsn}"}},
       .location = at(24, "/dependencies/requires/0")},
      {.alias = "own",
       .reference = "example.com/own:v1",
       .sharing = Sharing{.mode = Sharing::Mode::kNone},
       .location = at(37, "/dependencies/requires/1")}};
  EXPECT_EQ(read->dependencies, dependencies);
}

TEST(ReadPorterYaml, TellsAllThatIsWrong) {
  const std::vector<std::pair<std::string, std::vector<std::string>>> rows = {
      {"[]", {" [bundle-invalid]"}},
      {"version: 1\n", {" [document-member]"}},
      {"name: a\nschemaVersion: 2.0.0\n", {"/schemaVersion [bundle-invalid]"}},
      {"name: a\nparameters: {p: {}}\n", {"/parameters [bundle-invalid]"}},
      {"name: a\nparameters: [{name: p}, {name: p}]\n", {"/parameters/1/name [bundle-invalid]"}},
      {"name: a\ndependencies: {requires: [{name: b, bundle: {}}]}\n",
       {"/dependencies/requires/0 [bundle-invalid]"}},
      {"name: a\ndependencies: {requires: [{name: b}]}\n",
       {"/dependencies/requires/0 [document-member]"}},
      {"name: a\ndependencies: {requires: [{bundle: {reference: 'A B'}, name: b}]}\n",
       {"/dependencies/requires/0/bundle/reference [reference-invalid]"}},
      {"name: a\ndependencies: {requires: [x]}\n", {"/dependencies/requires/0 [document-type]"}},
      {"name: a\ndependencies: {requires: [{name: b, bundle: {reference: b}, parameters: [x]}]}\n",
       {"/dependencies/requires/0/parameters [document-type]"}},
      {"name: a\ndependencies: {requires: [{name: b, bundle: {reference: b}, sharing: {mode: x}}]}"
       "\n",
       {"/dependencies/requires/0/sharing/mode [bundle-invalid]"}},
  };
  for (const auto& [text, expected] : rows) {
    SCOPED_TRACE(text);
    const absl::Status status = ReadPorterYaml(File(text)).status();
    std::vector<std::string> found;
    for (const Diagnostic& diagnostic : DiagnosticsOf(status)) {
      found.push_back(diagnostic.location.pointer + " [" + std::string(InfoOf(diagnostic.id).name) +
                      "]");
    }
    EXPECT_EQ(found, expected) << status;
  }
}

}  // namespace
}  // namespace deps
