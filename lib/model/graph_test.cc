#include "lib/model/graph.h"

#include "gtest/gtest.h"
#include "lib/diag/diagnostic.h"

namespace deps {
namespace {

Graph Family() {
  Graph graph;
  Bundle bundle{.name = "infra", .version = "0.1.0", .reference = "localhost:5000/infra:v0.1.0"};
  bundle.digest = "sha256:" + std::string(64, 'a');
  bundle.parameters["port"] = {.type = "integer",
                               .required = true,
                               .default_value = JsonText{"8080"},
                               .destination = {.env = "PORT"}};
  bundle.outputs["connstr"] = {.type = "string", .sensitive = true, .id = "https://x/mysql"};
  bundle.invocation_images = {{.image = "localhost:5000/infra-image:v0.1.0"}};
  graph.nodes = {{.id = "root", .paths = {"root"}},
                 {.id = "root/infra", .paths = {"root/infra"}, .alias = "infra", .bundle = bundle}};
  graph.edges = {{.from = "root",
                  .to = "root/infra",
                  .alias = "infra",
                  .version = ">=0.1",
                  .prereleases = true,
                  .sharing = Sharing{.group = "myapp"},
                  .interface = JsonText{R"({"id":"https://x"})"},
                  .parameters = {{"port", "80"}}},
                 {.kind = Edge::Kind::kWiring,
                  .from = "root",
                  .to = "root/infra",
                  .field = "outputs",
                  .name = "connstr",
                  .output = "connstr"}};
  graph.diagnostics = {{.id = DiagnosticId::kGraphNoVersion,
                        .severity = Severity::kWarning,
                        .message = "no version in range",
                        .location = {.file = "f", .line = 2, .column = 3, .pointer = "/a"}}};
  return graph;
}

TEST(GraphTest, ReadsWhatItWrites) {
  const Graph graph = Family();
  const absl::StatusOr<Graph> read = ParseGraph({"g.json", FormatGraph(graph)});
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(*read, graph);
}

TEST(GraphTest, ReadsASolutionThatItWrites) {
  Graph graph = Family();
  graph.status = "unsatisfiable";
  graph.nodes[1].resolution = Resolution{.kind = "installation",
                                         .by = "override",
                                         .version = "1.2.3",
                                         .installation = InstallationName{"dev", "infra"},
                                         .reason = "asked for"};
  graph.explanation = {{.message = "m", .because = {"b"}, .nodes = {"root/infra"}}};
  const absl::StatusOr<Graph> read =
      ParseSolution({"g.json", FormatGraph(graph, json::Style::kCompact)});
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(*read, graph);
}

TEST(GraphTest, SaysWhichKindItFound) {
  Graph graph = Family();
  graph.status = "solved";
  const std::vector<Diagnostic> diagnostics =
      DiagnosticsOf(ParseGraph({"g.json", FormatGraph(graph)}).status());
  ASSERT_EQ(diagnostics.size(), 1u);
  EXPECT_EQ(diagnostics[0],
            (Diagnostic{.id = DiagnosticId::kDocumentKind,
                        .message = "expected a document of kind Graph, found Solution",
                        .location = {"g.json", 3, 11, "/kind"}}));
}

TEST(GraphTest, SortsNodesPathsAndEdges) {
  Graph graph;
  graph.nodes = {{.id = "root/b", .paths = {"root/c/b", "root/b", "root/a/b"}}, {.id = "root"}};
  graph.edges = {{.kind = Edge::Kind::kWiring, .from = "a", .to = "b"},
                 {.from = "a", .to = "b", .alias = "z"},
                 {.from = "a", .to = "a"}};
  SortGraph(&graph);
  EXPECT_EQ(graph.nodes[0].id, "root");
  EXPECT_EQ(graph.nodes[1].paths, (std::vector<std::string>{"root/b", "root/a/b", "root/c/b"}));
  EXPECT_EQ(graph.edges[0].to, "a");
  EXPECT_EQ(graph.edges[1].alias, "z");
}

}  // namespace
}  // namespace deps
