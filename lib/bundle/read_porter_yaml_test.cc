#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "lib/bundle/read.h"
#include "lib/diag/diagnostic.h"
#include "lib/diag/source.h"
#include "lib/json/json.h"
#include "lib/model/bundle.h"

namespace deps {
namespace {

Source File(std::string text) { return {.name = "porter.yaml", .text = std::move(text)}; }

// The places are what another test is about.
std::vector<Dependency> WithoutPlaces(std::vector<Dependency> dependencies) {
  for (Dependency& dependency : dependencies) dependency.places.reset();
  return dependencies;
}

// "MEMBER LINE:COLUMN POINTER", with "=" where the text is spelled as it is.
std::vector<std::string> PlacesIn(const Dependency& dependency) {
  std::vector<std::string> lines;
  for (const MemberPlace& place : *dependency.places) {
    lines.push_back(absl::StrCat(place.member, " ", place.line, ":", place.column,
                                 place.is_verbatim ? " = " : " ", place.pointer));
  }
  return lines;
}

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
  EXPECT_EQ(WithoutPlaces(read->dependencies), dependencies);
}

TEST(ReadPorterYaml, KnowsWhereTheMembersOfADependencyStand) {
  const absl::StatusOr<BundleDefinition> read = ReadPorterYaml(File(R"(name: a
dependencies:
  requires:
    - name: db
      bundle: {reference: example.com/db, version: "^1"}
      sharing: {group: {name: 'g'}}
      parameters:
        plain: text ${x}
        folded: >-
          two
          lines
        "quo\"ted": "a\tb"
)"));
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(PlacesIn(read->dependencies[0]),
            (std::vector<std::string>{"/bundle 5:27 = /bundle/reference", "/name 4:13 = /name",
                                      "/parameters/folded 9:17 /parameters/folded",
                                      "/parameters/plain 8:16 = /parameters/plain",
                                      "/parameters/quo\"ted 12:21 /parameters/quo\"ted",
                                      "/sharing/group/name 6:32 = /sharing/group/name",
                                      "/version 5:53 = /bundle/version"}));
}

TEST(ReadPorterYaml, TakesWhatActionsReadOfDependenciesAsParameters) {
  const absl::StatusOr<BundleDefinition> read = ReadPorterYaml(File(R"(name: a
dependencies:
  requires:
    - {name: db, bundle: {reference: 'example.com/db:v1'}}
    - name: web
      bundle: {reference: 'example.com/web:v1'}
      parameters: {only: '${bundle.dependencies.db.outputs.wired}'}
install:
  - exec:
      command: run ${HOME} ${ bundle.dependencies.db.outputs.conn.str } ${bundle.parameters.p}
      again: ${bundle.dependencies.db.outputs.conn.str}
)"));
  ASSERT_TRUE(read.ok()) << read.status();
  const std::map<std::string, ParameterDefinition> parameters = {
      {"porter-db-conn.str-dep-output",
       {.destination = {.env = "PORTER_DB_CONN_STR_DEP_OUTPUT"}, .sources = {{"db", "conn.str"}}}}};
  EXPECT_EQ(read->bundle.parameters, parameters);
  const std::vector<DependencySource> sources = {
      {.parameter = "porter-db-conn.str-dep-output",
       .alias = "db",
       .output = "conn.str",
       .location = {
           .file = "porter.yaml", .line = 10, .column = 28, .pointer = "/install/0/exec/command"}}};
  EXPECT_EQ(read->sources, sources);
}

TEST(ReadPorterYaml, GivesValuesThatNameNoTypePortersDefault) {
  const absl::StatusOr<BundleDefinition> read = ReadPorterYaml(
      File("name: a\nparameters: [{name: text}, {name: file, path: f}]\noutputs: [{name: out}]\n"));
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->bundle.parameters.at("text").type, "string");
  EXPECT_EQ(read->bundle.parameters.at("text").schema, std::nullopt);
  EXPECT_EQ(read->bundle.parameters.at("file").type, "string");
  EXPECT_EQ(read->bundle.parameters.at("file").schema, JsonText{R"({"contentEncoding":"base64"})"});
  EXPECT_EQ(read->bundle.outputs.at("out").type, "string");
}

TEST(ReadPorterYaml, IgnoresMembersOfADependencyThatPorterDoesNotKnow) {
  const absl::StatusOr<BundleDefinition> read = ReadPorterYaml(File(
      "name: a\ndependencies: {requires: [{name: b, x-note: 1, bundle: {id: 'urn:i', reference: "
      "'x:v1'}}]}\n"));
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->dependencies[0].interface, std::nullopt);
}

// What Porter's own converter writes, with the flag dependencies-v2.
TEST(ReadPorterYaml, MakesTheExtensionThatPorterMakes) {
  struct Row {
    const char* name;
    const char* dependency;
    const char* extension;
  };
  const std::vector<Row> rows = {
      {"the least", "{name: a, bundle: {reference: 'x:v1'}}",
       R"({"requires":{"a":{"bundle":"x:v1","sharing":{"group":{}}}}})"},
      {"a mode alone", "{name: a, bundle: {reference: 'x:v1'}, sharing: {mode: true}}",
       R"({"requires":{"a":{"bundle":"x:v1","sharing":{"group":{},"mode":true}}}})"},
      {"false is left out", "{name: a, bundle: {reference: 'x:v1'}, sharing: {mode: false}}",
       R"({"requires":{"a":{"bundle":"x:v1","sharing":{"group":{}}}}})"},
      {"the words of PEP003", "{name: a, bundle: {reference: 'x:v1'}, sharing: {mode: group}}",
       R"({"requires":{"a":{"bundle":"x:v1","sharing":{"group":{},"mode":true}}}})"},
      {"a group without a mode",
       "{name: a, bundle: {reference: 'x:v1'}, sharing: {group: {name: g}}}",
       R"({"requires":{"a":{"bundle":"x:v1","sharing":{"group":{"name":"g"}}}}})"},
      {"texts are verbatim",
       "{name: a, bundle: {reference: x, version: 1.0}, parameters: {n: 1.50, t: '${ "
       "bundle.parameters.p }'}, credentials: {c: d}, outputs: {o: '${outputs.p}'}}",
       R"({"requires":{"a":{"bundle":"x","credentials":{"c":"d"},"outputs":{"o":"${outputs.p}"},)"
       R"("parameters":{"n":"1.50","t":"${ bundle.parameters.p }"},"sharing":{"group":{}},)"
       R"("version":"1.0"}}})"},
      {"an interface by name", "{name: a, bundle: {reference: 'x:v1', interface: {id: 'urn:i'}}}",
       R"({"requires":{"a":{"bundle":"x:v1","interface":{"document":{},"id":"urn:i"},)"
       R"("sharing":{"group":{}}}}})"},
      {"a document",
       "{name: a, bundle: {reference: 'x:v1', interface: {document: {outputs: [{name: o, "
       "description: "
       "d, sensitive: true}, {name: my-output}], parameters: [{name: my.p, default: false, type: "
       "boolean}, {name: f, path: in/f}, {name: e, env: E, applyTo: [install]}], credentials: "
       "[{name: "
       "c, env: C}, {name: k, required: false, description: opt}]}}}}",
       R"({"requires":{"a":{"bundle":"x:v1","interface":{"document":{"credentials":{)"
       R"("c":{"required":true},"k":{"description":"opt"}},"outputs":{)"
       R"("my-output":{"definition":"my-output","path":"/cnab/app/outputs/my-output"},)"
       R"("o":{"definition":"o-output","description":"d","path":"/cnab/app/outputs/o"}},)"
       R"("parameters":{"e":{"applyTo":["install"],"definition":"e-parameter",)"
       R"("destination":{"env":"E"},"required":true},)"
       R"("f":{"definition":"f-parameter","destination":{"path":"/cnab/app/in/f"},"required":true},)"
       R"("my.p":{"definition":"my.p-parameter","destination":{"env":"MY_P"}}}}},)"
       R"("sharing":{"group":{}}}}})"},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.name);
    const absl::StatusOr<BundleDefinition> read = ReadPorterYaml(
        File(absl::StrCat("name: a\ndependencies: {requires: [", row.dependency, "]}\n")));
    ASSERT_TRUE(read.ok()) << read.status();
    ASSERT_TRUE(read->extension.has_value());
    EXPECT_EQ(read->extension->text, row.extension);
  }
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
      {"name: a\ndependencies: {requires: [{name: b, bundle: {reference: example.com/b}}]}\n",
       {"/dependencies/requires/0/bundle/reference [bundle-invalid]"}},
      {"name: a\ndependencies: {requires: [{name: b, bundle: {reference: 'b:v1', interface: "
       "{reference: 'c:v1', document: {}}}}]}\n",
       {"/dependencies/requires/0/bundle/interface [bundle-invalid]"}},
      {"name: a\ndependencies: {requires: [{name: b, bundel: {}, bundle: {reference: 'b:v1'}}]}\n",
       {"/dependencies/requires/0/bundel [document-member]"}},
      {"name: a\ndependencies: {requires: [{name: b}]}\n",
       {"/dependencies/requires/0 [document-member]"}},
      {"name: a\ndependencies: {requires: [{bundle: {reference: 'A B'}, name: b}]}\n",
       {"/dependencies/requires/0/bundle/reference [reference-invalid]"}},
      {"name: a\ndependencies: {requires: [x]}\n", {"/dependencies/requires/0 [document-type]"}},
      {"name: a\nparameters: [{name: p, type: strng}, {name: q, type: {}}, x, y]\n",
       {"/parameters/0/type [bundle-invalid]", "/parameters/1/type [document-type]",
        "/parameters/2 [document-type]", "/parameters/3 [document-type]"}},
      {"name: a\ndependencies: {requires: [{name: b, bundle: {reference: 'b:v1'}, parameters: "
       "[x]}]}\n",
       {"/dependencies/requires/0/parameters [document-type]"}},
      {"name: a\ndependencies: {requires: [{name: b, bundle: {reference: 'b:v1'}, sharing: {mode: "
       "x}}]}"
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
