#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "lib/io/file.h"
#include "lib/json/json.h"
#include "lib/model/graph.h"
#include "lib/model/index.h"
#include "lib/model/lock.h"
#include "lib/model/plan.h"
#include "lib/model/relocation.h"
#include "lib/model/workflow.h"
#include "lib/schema/conforms.h"

namespace deps {
namespace {

// Parses and writes again.
template <typename T, typename ParseFunction, typename FormatFunction>
absl::StatusOr<std::string> Again(const Source& source, ParseFunction parse,
                                  FormatFunction format) {
  absl::StatusOr<T> document = parse(source);
  if (!document.ok()) return document.status();
  return format(*document);
}

absl::StatusOr<std::string> Rewrite(const std::string& kind, const Source& source) {
  const auto graph = [](const Graph& g) { return FormatGraph(g); };
  if (kind == "graph") return Again<Graph>(source, ParseGraph, graph);
  if (kind == "solution") return Again<Graph>(source, ParseSolution, graph);
  if (kind == "lock") return Again<Lock>(source, ParseLock, FormatLock);
  if (kind == "plan") {
    return Again<Plan>(source, ParsePlan, [](const Plan& p) { return FormatPlan(p); });
  }
  if (kind == "workflow") {
    return Again<Workflow>(source, ParseWorkflow,
                           [](const Workflow& w) { return FormatWorkflow(w); });
  }
  if (kind == "relocation") {
    return Again<Relocation>(source, ParseRelocation,
                             [](const Relocation& r) { return FormatRelocation(r); });
  }
  return Again<Index>(source, ParseIndex, FormatIndex);
}

Source MustRead(const std::string& path) {
  absl::StatusOr<Source> source = ReadFile(path);
  EXPECT_TRUE(source.ok()) << source.status();
  return source.ok() ? *std::move(source) : Source();
}

Source SchemaOf(const std::string& kind) {
  return MustRead(absl::StrCat("lib/schema/", kind, ".schema.json"));
}

const std::vector<std::string>& Kinds() {
  static const auto& kinds = *new std::vector<std::string>{
      "graph", "index", "lock", "plan", "relocation", "solution", "workflow"};
  return kinds;
}

TEST(ExamplesTest, ConformToTheirSchemaAndAreWrittenAsTheyAre) {
  for (const std::string& kind : Kinds()) {
    const Source schema = SchemaOf(kind);
    int count = 0;
    for (const auto& entry : std::filesystem::directory_iterator("testdata/documents/" + kind)) {
      SCOPED_TRACE(entry.path().string());
      ++count;
      const Source source = MustRead(entry.path().string());
      EXPECT_EQ(ConformsToSchema(schema, source), absl::OkStatus());
      const absl::StatusOr<std::string> rewritten = Rewrite(kind, source);
      ASSERT_TRUE(rewritten.ok()) << rewritten.status();
      EXPECT_EQ(ConformsToSchema(schema, {"rewritten", *rewritten}), absl::OkStatus());
      // The examples are as the commands write them; an Index holds bundle.json
      // in canonical order.
      if (kind != "index") {
        EXPECT_EQ(*rewritten, source.text);
      }
      EXPECT_EQ(*Rewrite(kind, {"rewritten", *rewritten}), *rewritten);
    }
    EXPECT_GT(count, 0) << kind;
  }
}

// `from` in the example is replaced by `to`, once.
struct Mutation {
  const char* kind;
  const char* example;
  const char* from;
  const char* to;
};

TEST(MutationsTest, AreRefusedBySchemaAndReader) {
  const std::vector<Mutation> rows = {
      {"graph", "family", R"("kind": "Graph")", R"("kind": "Plan")"},
      {"graph", "family", "cnab-deps/v1", "cnab-deps/v2"},
      {"graph", "family", R"("root": "root",)", ""},
      {"graph", "family", R"("root": "root",)", R"("root": "root", "rot": 1,)"},
      {"graph", "family", R"("paths": [)", R"("path": [)"},
      {"graph", "family", R"("required": true)", R"("required": "true")"},
      {"graph", "family", R"("mode": "none")", R"("mode": "some")"},
      {"graph", "family", R"("mode": "none")", R"("mode": "none", "group": "x")"},
      {"graph", "family", R"("kind": "wiring")", R"("kind": "wire")"},
      {"graph", "family", R"("kind": "wiring")", R"("kind": "requires")"},
      {"graph", "family", R"("field": "outputs")", R"("field": "images")"},
      {"graph", "family", R"("digest": "sha256:)", R"("digest": "sha256:g)"},
      {"graph", "family", R"("size": 528)", R"("size": -1)"},
      {"graph", "family", R"("size": 528)", R"("size": 1.5)"},
      {"graph", "family", R"("alias": "infra",
      "reference")",
       R"("alias": 7, "reference")"},
      {"graph", "nothing-in-range", R"("severity": "warning")", R"("severity": "bad")"},
      {"graph", "alone", R"("edges": [])", R"("edges": {})"},
      {"graph", "alone", R"("edges": [])", R"("edges": null)"},
      {"solution", "family", R"("status": "solved")", R"("status": "perhaps")"},
      {"solution", "family", R"("status": "solved",)", ""},
      {"solution", "family", R"("by": "range")", R"("by": "luck")"},
      {"solution", "reused", R"("kind": "installation")", R"("kind": "magic")"},
      {"solution", "reused", R"("installation": {)", R"("install": {)"},
      {"solution", "unsatisfiable", R"("because": [)", R"("why": [)"},
      {"lock", "family", R"("repository": )", R"("repo": )"},
      {"lock", "family", R"("digest": "sha256:)", R"("digest": "sha512:)"},
      {"lock", "reused", R"("name": "mysql")", R"("name": "")"},
      {"lock", "reused", R"("installation": {)", R"("tag": "x", "installation": {)"},
      {"plan", "install", R"("action": "install")", R"("action": 1)"},
      {"plan", "install", R"("secret": )", R"("secrets": )"},
      {"plan", "install", R"("secret": "env:TOKEN")", R"("secret": "env:TOKEN", "value": 1)"},
      {"plan", "install", R"("value": "shop")", R"("value": "shop", "inputs": {})"},
      {"plan", "install", R"("stage": 0)", R"("stage": -1)"},
      {"plan", "install", R"("stage": 0)", R"("stage": 9007199254740992)"},
      {"plan", "install", R"("needs": [])", R"("needs": [1])"},
      {"plan", "install", R"("stages": [)", R"("stages": [1, )"},
      {"plan", "install", R"("unmapped": {)", R"("unmapped": {"outputs": [], )"},
      {"workflow", "succeeded", R"("sensitive": true,)", R"("sensitive": true, "value": 1,)"},
      {"workflow", "succeeded", R"("value": 3306)", R"("values": 3306)"},
      {"workflow", "succeeded", R"("exitCode": 0)", R"("exitCode": "0")"},
      {"workflow", "failed", R"("status": "canceled")", R"("status": "cancelled")"},
      {"workflow", "failed", R"("plan": "sha256:)", R"("plan": ")"},
      {"relocation", "family", R"("action": "mounted")", R"("action": "moved")"},
      {"relocation", "family", R"("action": "unchanged")", R"("action": "mounted")"},
      {"relocation", "family", R"("uploaded": 1048576)", R"("uploaded": 1e400)"},
      {"relocation", "family", R"("reused": 9007199254740991)", R"("reused": 9007199254740992)"},
      {"relocation", "family", R"("mapping": {)", R"("mapping": {"a": 1, )"},
      {"index", "family", R"("bundle": {)", R"("bundle": [], "x": {)"},
      {"index", "family", R"("reference": )", R"("ref": )"},
  };
  for (const Mutation& row : rows) {
    SCOPED_TRACE(absl::StrCat(row.kind, "/", row.example, ": ", row.from, " -> ", row.to));
    Source source =
        MustRead(absl::StrCat("testdata/documents/", row.kind, "/", row.example, ".json"));
    const size_t at = source.text.find(row.from);
    ASSERT_NE(at, std::string::npos);
    source.text.replace(at, std::string(row.from).size(), row.to);
    EXPECT_FALSE(ConformsToSchema(SchemaOf(row.kind), source).ok());
    EXPECT_FALSE(Rewrite(row.kind, source).ok());
  }
}

}  // namespace
}  // namespace deps
