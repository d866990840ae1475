#include "lib/model/graph.h"

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "lib/diag/diagnostic.h"
#include "lib/draw/picture.h"
#include "lib/expand/expand.h"
#include "lib/graph/check.h"
#include "lib/graph/cycle.h"
#include "lib/graph/show.h"
#include "lib/model/bundle.h"

namespace deps {
namespace {

Edge Needs(std::string from, std::string to) {
  return {.kind = Edge::Kind::kRequires,
          .from = from,
          .to = to,
          .alias = to.substr(to.rfind('/') + 1),
          .reference = "example.com/x:v1",
          .sharing = Sharing{}};
}

Edge Reads(std::string from, std::string to) {
  return {.kind = Edge::Kind::kWiring,
          .from = from,
          .to = to,
          .field = "parameters",
          .name = "p",
          .output = "o"};
}

Graph GraphOf(std::vector<Edge> edges) {
  Graph graph;
  std::map<std::string, bool> ids = {{"root", true}};
  for (const Edge& edge : edges) ids[edge.from] = ids[edge.to] = true;
  for (const auto& [id, present] : ids) {
    Node node{.id = id, .paths = {id}, .bundle = Bundle{.name = "x", .version = "1.0.0"}};
    if (id != "root") node.alias = id.substr(id.rfind('/') + 1);
    graph.nodes.push_back(node);
  }
  graph.edges = std::move(edges);
  SortGraph(&graph);
  return graph;
}

struct CycleRow {
  const char* name;
  std::vector<Edge> edges;
  std::vector<std::string> cycles;
};

TEST(ShortestCycles, FindsTheShortestOfEachCircle) {
  const std::vector<CycleRow> rows = {
      {"nothing", {}, {}},
      {"a diamond",
       {Needs("root", "root/a"), Needs("root", "root/b"), Needs("root/a", "root/c"),
        Needs("root/b", "root/c"), Reads("root/b", "root/a")},
       {}},
      {"two that need each other",
       {Needs("root", "root/a"), Needs("root/a", "root/b"), Needs("root/b", "root/a")},
       {"a -> b -> a"}},
      {"wiring against requires",
       {Needs("root", "root/a"), Reads("root/a", "root")},
       {"root -> a -> root"}},
      {"a node with itself", {Needs("root/a", "root/a")}, {"a -> a"}},
      {"a shortcut",
       {Needs("root/a", "root/b"), Needs("root/b", "root/c"), Needs("root/c", "root/d"),
        Needs("root/d", "root/a"), Needs("root/c", "root/b")},
       {"b -> c -> b"}},
      {"two circles",
       {Needs("root/c", "root/d"), Needs("root/d", "root/c"), Needs("root/a", "root/b"),
        Needs("root/b", "root/a"), Needs("root/b", "root/c")},
       {"a -> b -> a", "c -> d -> c"}},
      {"aliases that do not tell nodes apart",
       {Needs("root/a/x", "root/b/x"), Needs("root/b/x", "root/a/x")},
       {"root/a/x -> root/b/x -> root/a/x"}},
  };
  for (const CycleRow& row : rows) {
    SCOPED_TRACE(row.name);
    const Graph graph = GraphOf(row.edges);
    std::vector<std::string> found;
    for (const Cycle& cycle : ShortestCycles(graph)) found.push_back(FormatCycle(graph, cycle));
    EXPECT_EQ(found, row.cycles);
  }
}

TEST(ShortestCycles, CopesWithLongCircles) {
  std::vector<Edge> edges;
  for (int i = 0; i < 20000; ++i) {
    edges.push_back(Needs(absl::StrCat("root/", i), absl::StrCat("root/", (i + 1) % 20000)));
  }
  const std::vector<Cycle> cycles = ShortestCycles(GraphOf(edges));
  ASSERT_EQ(cycles.size(), 1u);
  EXPECT_EQ(cycles[0].edges.size(), 20000u);
}

TEST(FormatCycle, TellsTheEndsOfALongCircle) {
  std::vector<Edge> edges;
  for (int i = 0; i < 1000; ++i) {
    edges.push_back(Needs(absl::StrCat("root/", i), absl::StrCat("root/", (i + 1) % 1000)));
  }
  const Graph graph = GraphOf(edges);
  EXPECT_EQ(FormatCycle(graph, ShortestCycles(graph).front()),
            "0 -> 1 -> 2 -> 3 -> 4 -> 5 -> 6 -> 7 -> … 984 more … -> 992 -> 993 -> 994 -> 995 -> "
            "996 -> 997 -> 998 -> 999 -> 0");
}

TEST(CheckGraph, KnowsWhatBundlesDefineAndPromote) {
  Edge app = Needs("root", "root/app");
  app.parameters = {{"host", "${bundle.dependencies.infra.outputs.connstr}"},
                    {"ip", "${bundle.dependencies.infra.outputs.none}"}};
  app.credentials = {{"token", "literal"}};
  app.outputs = {{"endpoint", "${outputs.port}:${outputs.prot}"}};
  Edge mysql = Needs("root/infra", "root/infra/mysql");
  mysql.outputs = {{"connstr", "${outputs.connstr}"}};
  Graph graph = GraphOf({app, Needs("root", "root/infra"), mysql});
  graph.nodes[1].bundle = Bundle{
      .name = "x", .version = "1.0.0", .parameters = {{"host", {}}}, .outputs = {{"port", {}}}};
  graph.nodes[3].bundle = Bundle{.name = "x", .version = "1.0.0", .outputs = {{"connstr", {}}}};
  BundleDefinition root;
  root.dependencies = {{.alias = "app",
                        .location = {.file = "porter.yaml", .line = 3, .pointer = "/requires/0"},
                        .places = std::vector<MemberPlace>{{.member = "/outputs/endpoint",
                                                            .pointer = "/outputs/endpoint",
                                                            .line = 8,
                                                            .column = 11,
                                                            .is_verbatim = true}}}};
  const NodeDefinitions definitions = {
      {"root", std::make_shared<const BundleDefinition>(std::move(root))}};
  std::vector<std::string> found;
  for (const Diagnostic& diagnostic : CheckGraph(graph, definitions)) {
    found.push_back(absl::StrCat(diagnostic.location.line, ":", diagnostic.location.column, " ",
                                 diagnostic.location.pointer, ": ", diagnostic.message, " (",
                                 diagnostic.hint, ")"));
  }
  const std::string base = "3:0 /requires/0";
  EXPECT_EQ(found,
            (std::vector<std::string>{
                base + "/parameters/ip: dependency 'app' (x 1.0.0) has no parameter 'ip' (it has "
                       "host)",
                base + "/credentials/token: dependency 'app' (x 1.0.0) has no credential 'token' "
                       "(it has none)",
                base + "/parameters/ip: dependency 'infra' (x 1.0.0) has no output 'none' (it has "
                       "connstr)",
                "8:27 /requires/0/outputs/endpoint: dependency 'app' (x 1.0.0) has no output "
                "'prot' (did you mean 'port'? it has port)"}));
}

TEST(CheckGraph, SaysNothingOfNodesWithoutBundle) {
  Edge app = Needs("root", "root/app");
  app.parameters = {{"p", "${bundle.dependencies.app.outputs.o}"}};
  Graph graph = GraphOf({app});
  graph.nodes[1].bundle.reset();
  EXPECT_TRUE(CheckGraph(graph, {}).empty());
}

TEST(CheckGraph, WarnsOfWhatIsRequiredAndNotMapped) {
  Edge app = Needs("root", "root/app");
  app.parameters = {{"given", "literal"}};
  Graph graph = GraphOf({app});
  Bundle bundle = *graph.nodes[1].bundle;
  bundle.parameters["given"] = {.required = true};
  bundle.parameters["left-out"] = {.required = true};
  bundle.parameters["optional"] = {};
  bundle.parameters["with-default"] = {.required = true, .default_value = JsonText{"1"}};
  bundle.credentials["kube"] = {.required = true};
  graph.nodes[1].bundle = std::move(bundle);
  const std::vector<Diagnostic> expected = {
      {.id = DiagnosticId::kGraphUnmapped,
       .severity = Severity::kWarning,
       .message = "dependency 'app' (x 1.0.0) requires what nothing maps: parameter 'left-out', "
                  "credential 'kube'"}};
  EXPECT_EQ(CheckGraph(graph, {}), expected);
}

TEST(FormatTree, CannotSteerTheTerminal) {
  Graph graph = GraphOf({Needs("root", "root/a")});
  graph.nodes[1].bundle.Edit([](Bundle& bundle) { bundle.name = "\x1b[2Jevil"; });
  EXPECT_EQ(FormatTree(graph), "x 1.0.0\n└── a: \\x1b[2Jevil 1.0.0\n");
}

TEST(FormatTree, HasColorsWhereTheyAreAskedFor) {
  Edge edge = Needs("root", "root/a");
  edge.version = "^1";
  EXPECT_EQ(FormatTree(GraphOf({edge}), /*color=*/true),
            "\x1b[1mx 1.0.0\x1b[0m\n\x1b[2m└── \x1b[0m\x1b[1ma: \x1b[0m\x1b[36mx 1.0.0\x1b[0m"
            "\x1b[2m [^1]\x1b[0m\n");
}

TEST(FormatTree, TellsWhatASolutionReuses) {
  Graph solution = GraphOf({Needs("root", "root/a"), Needs("root", "root/b")});
  solution.status = "solved";
  solution.nodes[1].resolution = {.kind = "bundle",
                                  .by = "range",
                                  .version = "1.2.0",
                                  .reason = "the highest version in range"};
  solution.nodes[2].resolution = {.kind = "installation",
                                  .by = "installation",
                                  .installation = InstallationName{"dev", "mysql"},
                                  .reason = "installed in namespace dev"};
  EXPECT_EQ(FormatTree(solution),
            "x 1.0.0\n├── a: x 1.2.0 (range: the highest version in range)\n"
            "└── b: x 1.0.0 reuses dev/mysql (installation: installed in namespace dev)\n");
}

TEST(FormatTree, ExplainsWhyThereIsNoSolution) {
  Graph solution = GraphOf({});
  solution.status = "unsatisfiable";
  solution.explanation = {
      {.message = "no version of db suits", .because = {"app needs db ^1"}, .hint = "drop app"}};
  EXPECT_EQ(FormatTree(solution), "no version of db suits\n  app needs db ^1\nhint: drop app\n");
  solution.explanation.push_back({.message = "no solution", .because = {"step 1"}});
  EXPECT_EQ(FormatTree(solution),
            "no solution\n  1. no version of db suits, because\n       app needs db ^1\n"
            "  2. no solution, because\n       step 1\n");
}

TEST(FormatTree, CopesWithDeepGraphs) {
  std::vector<Edge> edges;
  std::string id = "root";
  for (int i = 0; i < 3000; ++i) {
    edges.push_back(Needs(id, id + "/x"));
    id += "/x";
  }
  const std::string tree = FormatTree(GraphOf(edges));
  EXPECT_EQ(std::count(tree.begin(), tree.end(), '\n'), 3001);
}

TEST(PictureOf, ShowsGroupsReuseAndWhatIsMissing) {
  Edge app = Needs("root", "root/app");
  app.version = "^1";
  Edge db = Needs("root/app", "root/db");
  db.sharing = Sharing{.mode = Sharing::Mode::kGroup, .group = "shop"};
  Graph solution = GraphOf(
      {app, db, Needs("root", "root/db"), Needs("root", "root/new"), Reads("root/app", "root/db")});
  solution.status = "solved";
  solution.edges[1].sharing = db.sharing;
  solution.nodes[2].resolution = {.kind = "installation",
                                  .by = "installation",
                                  .version = "1.2.0",
                                  .installation = InstallationName{"", "mysql"},
                                  .reason = "installed in the global namespace"};
  solution.nodes[3].bundle.reset();
  const Picture picture = PictureOf(solution);
  std::vector<std::string> found;
  for (const PictureNode& node : picture.nodes) {
    found.push_back(absl::StrCat(static_cast<int>(node.kind), " ", node.id, " | ", node.title,
                                 " | ", node.subtitle, " | ", node.note, " | ", node.group));
  }
  for (const PictureEdge& edge : picture.edges) {
    found.push_back(absl::StrCat(edge.from, edge.dashed ? " ..> " : " --> ", edge.to, " ",
                                 edge.name, " | ", edge.label));
  }
  EXPECT_EQ(found, (std::vector<std::string>{
                       "1 root | root | x 1.0.0 |  | ", "0 root/app | app | x 1.0.0 |  | ",
                       "2 root/db | db | x 1.2.0 | reuses /mysql · group shop · shared by 2 | shop",
                       "3 root/new | new | any bundle with its interface |  | ", "0 --> 1 app | ^1",
                       "0 --> 2 db | ", "0 --> 3 new | ", "1 --> 2 db | ",
                       "1 ..> 2  | parameters.p = o"}));
  EXPECT_EQ(picture.summary, "4 bundles · 1 shared · 1 output passed on · 1 reused");
}

}  // namespace
}  // namespace deps
