#include <map>
#include <optional>
#include <string>
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

Source File(std::string text) { return {.name = "bundle.json", .text = std::move(text)}; }

constexpr char kWhole[] = R"({
  "schemaVersion": "v1.2.0", "name": "app", "version": "1.2.3", "description": "ignored",
  "invocationImages": [{"image": "example.com/app@sha256:1", "imageType": "docker", "size": 7}],
  "images": {"web": {"image": "example.com/web:v1", "contentDigest": "sha256:2",
                     "mediaType": "application/vnd.oci.image.manifest.v1+json"}},
  "definitions": {
    "level": {"type": "string", "default": "info", "$id": "https://example.com/level",
              "title": "ignored", "enum": ["info", "debug"]},
    "secret": {"type": ["null", "string"], "writeOnly": true},
    "free": {}, "anything": true
  },
  "parameters": {
    "level": {"definition": "level", "required": false, "applyTo": ["install"],
              "destination": {"env": "LEVEL"}},
    "free": {"definition": "free", "required": true, "destination": {"path": "/cnab/app/free"}}
  },
  "credentials": {"token": {"env": "TOKEN", "required": true}, "kube": {"path": "/root/.kube"}},
  "outputs": {"connstr": {"definition": "secret", "path": "/cnab/app/outputs/connstr"}},
  "actions": {"status": {"stateless": true}, "rotate": {"modifies": true}},
  "custom": {
    "io.cnab.parameter-sources": {"level": {
      "priority": ["dependencies.output"],
      "sources": {"output": {"name": "level"},
                  "dependencies.output": {"dependency": "infra", "name": "log"}}}},
    "io.cnab.dependencies": {"requires": {"old": {"bundle": "ignored.example/v1:1"}}},
    "org.getporter.dependencies@v2": {
      "provides": {"interface": {"id": "https://example.com/app"}},
      "requires": {
        "infra": {"bundle": "example.com/infra:v0.1.0", "version": ">=0.1", "sharing": {"group": {}},
                  "parameters": {"database": "db"}},
        "db": {"bundle": "", "interface": {"id": "https://example.com/sql", "document":
                 {"outputs": {"connstr": {"definition": "secret", "description": "d"}}}},
               "sharing": {"mode": "group", "group": {"name": "g"}},
               "credentials": {"token": "${bundle.credentials.token}"},
               "outputs": {"endpoint": "${outputs.host}"}},
        "own": {"bundle": "example.com/own", "sharing": {"mode": false, "group": {"name": "x"}}}
      }
    }
  }
})";

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

TEST(ReadBundleJson, KeepsAllThatTheModelHas) {
  const absl::StatusOr<BundleDefinition> read = ReadBundleJson(File(kWhole));
  ASSERT_TRUE(read.ok()) << read.status();
  Bundle expected{.name = "app", .version = "1.2.3", .digest = read->bundle.digest};
  expected.parameters["level"] = {.type = "string",
                                  .default_value = JsonText{"\"info\""},
                                  .id = "https://example.com/level",
                                  .apply_to = {"install"},
                                  .destination = {.env = "LEVEL"},
                                  .schema = JsonText{R"({"enum":["info","debug"]})"},
                                  .sources = {{"infra", "log"}, {"", "level"}}};
  expected.parameters["free"] = {.required = true, .destination = {.path = "/cnab/app/free"}};
  expected.credentials["token"] = {.required = true, .destination = {.env = "TOKEN"}};
  expected.credentials["kube"] = {.destination = {.path = "/root/.kube"}};
  expected.outputs["connstr"] = {.type = "string",
                                 .sensitive = true,
                                 .path = "/cnab/app/outputs/connstr",
                                 .schema = JsonText{R"({"type":["null","string"]})"}};
  expected.actions["status"] = {.stateless = true};
  expected.actions["rotate"] = {.modifies = true};
  expected.provides = {"https://example.com/app"};
  expected.images["web"] = {.image = "example.com/web:v1",
                            .media_type = "application/vnd.oci.image.manifest.v1+json",
                            .content_digest = "sha256:2"};
  expected.invocation_images = {
      {.image = "example.com/app@sha256:1", .image_type = "docker", .size = 7}};
  EXPECT_EQ(read->bundle, expected);
  EXPECT_EQ(read->bundle.digest.substr(0, 7), "sha256:");
}

TEST(ReadBundleJson, PrefersTheSecondVersionOfDependencies) {
  const absl::StatusOr<BundleDefinition> read = ReadBundleJson(File(kWhole));
  ASSERT_TRUE(read.ok()) << read.status();
  constexpr char kBase[] = "/custom/org.getporter.dependencies@v2/requires/";
  const auto at = [&](int line, int column, const std::string& alias) {
    return Location{
        .file = "bundle.json", .line = line, .column = column, .pointer = kBase + alias};
  };
  const std::vector<Dependency> expected = {
      {.alias = "db",
       .sharing = Sharing{.mode = Sharing::Mode::kGroup, .group = "g"},
       .interface =
           JsonText{
               R"({"document":{"outputs":{"connstr":{"definition":"secret","description":"d",)"
               R"("type":["null","string"],"writeOnly":true}}},"id":"https://example.com/sql"})"},
       .credentials = {{"token", "${bundle.credentials.token}"}},
       .outputs = {{"endpoint", "${outputs.host}"}},
       .location = at(31, 15, "db")},
      {.alias = "infra",
       .reference = "example.com/infra:v0.1.0",
       .version = ">=0.1",
       .parameters = {{"database", "db"}},
       .location = at(29, 18, "infra")},
      {.alias = "own",
       .reference = "example.com/own",
       .sharing = Sharing{.mode = Sharing::Mode::kNone},
       .location = at(36, 16, "own")},
  };
  EXPECT_EQ(WithoutPlaces(read->dependencies), expected);
}

TEST(ReadBundleJson, ReadsTheFirstVersionInItsSequence) {
  const absl::StatusOr<BundleDefinition> read = ReadBundleJson(File(R"({"name":"a","version":"1",
"custom":{"io.cnab.dependencies":{"sequence":["z","b"],"requires":{
"b":{"bundle":"example.com/b:v1"},
"z":{"bundle":"example.com/z","version":{"ranges":["1.x","2.1 - 3.x"],"prereleases":true}}}}}})"));
  ASSERT_TRUE(read.ok()) << read.status();
  constexpr char kBase[] = "/custom/io.cnab.dependencies/requires/";
  const std::vector<Dependency> expected = {
      {.alias = "z",
       .reference = "example.com/z",
       .version = "1.x || 2.1 - 3.x",
       .prereleases = true,
       .location =
           {.file = "bundle.json", .line = 4, .column = 5, .pointer = std::string(kBase) + "z"}},
      {.alias = "b",
       .reference = "example.com/b:v1",
       .location = {
           .file = "bundle.json", .line = 3, .column = 5, .pointer = std::string(kBase) + "b"}}};
  EXPECT_EQ(WithoutPlaces(read->dependencies), expected);
}

TEST(ReadBundleJson, KnowsWhereTheMembersOfADependencyStand) {
  const absl::StatusOr<BundleDefinition> read = ReadBundleJson(File(R"({"name":"a","version":"1",
"custom":{"org.getporter.dependencies@v2":{"requires":{"db":{"bundle":"example.com/db:v1",
 "version":"^1", "sharing":{"mode":true,"group":{"name":"g"}},
 "parameters":{"p":"\u0024{x}",
               "a/b":"${y}"}}}}}})"));
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(PlacesIn(read->dependencies[0]),
            (std::vector<std::string>{
                "/bundle 2:72 = /bundle", "/parameters 4:15 /parameters",
                "/parameters/a~1b 5:23 = /parameters/a~1b", "/parameters/p 4:20 /parameters/p",
                "/sharing 3:28 /sharing", "/sharing/group 3:49 /sharing/group",
                "/sharing/group/name 3:58 = /sharing/group/name",
                "/sharing/mode 3:36 /sharing/mode", "/version 3:13 = /version"}));
}

TEST(ReadBundleJson, KnowsWhichParametersTakeOutputsOfDependencies) {
  const absl::StatusOr<BundleDefinition> read = ReadBundleJson(File(R"({"name":"a","version":"1",
"definitions":{"s":{"type":"string"}},
"parameters":{"host":{"definition":"s","destination":{"env":"H"}}},
"custom":{"io.cnab.parameter-sources":{"host":{"priority":["output","dependencies.output"],
 "sources":{"dependencies.output":{"dependency":"db","name":"ip"},"output":{"name":"host"}}}}}})"));
  ASSERT_TRUE(read.ok()) << read.status();
  const std::vector<OutputSource> in_order = {{"", "host"}, {"db", "ip"}};
  EXPECT_EQ(read->bundle.parameters.at("host").sources, in_order);
  const std::vector<DependencySource> expected = {
      {.parameter = "host",
       .alias = "db",
       .output = "ip",
       .location = {.file = "bundle.json",
                    .line = 4,
                    .column = 47,
                    .pointer = "/custom/io.cnab.parameter-sources/host"}}};
  EXPECT_EQ(read->sources, expected);
}

TEST(ReadBundleJson, DigestIsThatOfTheCanonicalText) {
  const absl::StatusOr<BundleDefinition> a =
      ReadBundleJson(File(R"({"name":"a","version":"1.0.0"})"));
  const absl::StatusOr<BundleDefinition> b =
      ReadBundleJson(File("{ \"version\": \"1.0.0\",\n\"name\": \"a\" }"));
  ASSERT_TRUE(a.ok() && b.ok());
  EXPECT_EQ(*a, *b);
}

struct Refused {
  const char* name;
  std::string members;  // After name and version.
  std::vector<std::string> found;
};

std::vector<std::string> Found(const absl::Status& status) {
  std::vector<std::string> lines;
  for (const Diagnostic& diagnostic : DiagnosticsOf(status)) {
    lines.push_back(diagnostic.location.pointer + " [" + std::string(InfoOf(diagnostic.id).name) +
                    "]");
  }
  return lines;
}

TEST(ReadBundleJson, RefusesWhatIsTooLargeToBeOne) {
  const Source source{.name = "bundle.json",
                      .text = absl::StrCat(R"({"name":"a","version":"1.0.0","description":")",
                                           std::string(kMaxBundleBytes, 'x'), "\"}")};
  EXPECT_TRUE(HasId(ReadBundleJson(source).status(), DiagnosticId::kInputTooLarge));
}

TEST(ReadBundleJson, TellsAllThatIsWrong) {
  constexpr char kV2[] = "/custom/org.getporter.dependencies@v2/requires";
  const auto requires_v2 = [](const std::string& text) {
    return R"("custom":{"org.getporter.dependencies@v2":{"requires":)" + text + "}}";
  };
  const std::vector<Refused> rows = {
      {"a newer schema", R"("schemaVersion":"v2.0.0")", {"/schemaVersion [bundle-invalid]"}},
      {"two mistakes",
       R"("parameters":{"p":{"definition":"none"}},"outputs":[])",
       {"/parameters/p/definition [bundle-invalid]", "/outputs [document-type]"}},
      {"a path that leaves the container's folder",
       R"("credentials":{"c":{"path":"/cnab/../../etc"}})",
       {"/credentials/c/path [bundle-invalid]"}},
      {"a reference that is none",
       requires_v2(R"({"a":{"bundle":"Example.com/UPPER:v1"}})"),
       {std::string(kV2) + "/a/bundle [reference-invalid]"}},
      {"neither bundle nor interface",
       requires_v2(R"({"a":{"bundle":"","interface":{"document":{}}}})"),
       {std::string(kV2) + "/a [bundle-invalid]"}},
      {"both reference and document",
       requires_v2(R"({"a":{"interface":{"reference":"example.com/i:v1",)"
                   R"("document":{"credentials":{"c":{}}}}}})"),
       {std::string(kV2) + "/a/interface [bundle-invalid]"}},
      {"an alias with a slash",
       requires_v2(R"({"a/b":{"bundle":"example.com/x:v1"}})"),
       {std::string(kV2) + "/a~1b [bundle-invalid]"}},
      {"a mode that is none",
       requires_v2(R"({"a":{"bundle":"example.com/x:v1","sharing":{"mode":"maybe"}}})"),
       {std::string(kV2) + "/a/sharing/mode [bundle-invalid]"}},
      {"a parameter that is no text",
       requires_v2(R"({"a":{"bundle":"example.com/x:v1","parameters":{"p":1}}})"),
       {std::string(kV2) + "/a/parameters/p [document-type]"}},
      {"twice the same key", R"("a":1,"a":2)", {"/a [json-duplicate-key]"}},
  };
  for (const Refused& row : rows) {
    SCOPED_TRACE(row.name);
    const absl::Status status =
        ReadBundleJson(File(R"({"name":"a","version":"1.0.0",)" + row.members + "}")).status();
    EXPECT_EQ(Found(status), row.found) << status;
  }
}

}  // namespace
}  // namespace deps
