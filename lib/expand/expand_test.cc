#include "lib/expand/expand.h"

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "lib/diag/diagnostic.h"
#include "lib/model/bundle.h"
#include "lib/model/graph.h"

namespace deps {
namespace {

const Sharing kNone = {.mode = Sharing::Mode::kNone};

Sharing Group(std::string name) { return {.mode = Sharing::Mode::kGroup, .group = name}; }

Dependency Needs(std::string alias, std::string reference, std::optional<Sharing> sharing = {},
                 std::map<std::string, std::string> parameters = {}) {
  return {.alias = alias,
          .reference = reference,
          .sharing = sharing,
          .parameters = parameters,
          .location = {.pointer = "/" + alias}};
}

// Bundles by the reference that asks for them.
class Shelf {
 public:
  void Add(const std::string& reference, std::vector<Dependency> dependencies,
           std::vector<std::string> parameters = {}) {
    BundleDefinition definition{.dependencies = std::move(dependencies)};
    definition.bundle.name = reference.substr(0, reference.find(':'));
    definition.bundle.digest = "sha256:" + reference;
    for (const std::string& name : parameters) definition.bundle.parameters[name] = {};
    bundles_[reference] = std::make_shared<const BundleDefinition>(std::move(definition));
  }

  std::shared_ptr<const BundleDefinition> Get(const std::string& reference) const {
    const auto found = bundles_.find(reference);
    return found == bundles_.end() ? nullptr : found->second;
  }

  Chooser FirstReference() const {
    return [this](const std::string&, const std::vector<const Requirement*>& asked) {
      return absl::StatusOr<NodeChoice>(NodeChoice{.bundle = Get(asked[0]->dependency.reference)});
    };
  }

 private:
  std::map<std::string, std::shared_ptr<const BundleDefinition>> bundles_;
};

// One line a node: all its paths.
std::vector<std::string> PathsIn(const Graph& graph) {
  std::vector<std::string> lines;
  for (const Node& node : graph.nodes) {
    std::string line;
    for (const std::string& path : node.paths)
      absl::StrAppend(&line, line.empty() ? "" : " ", path);
    lines.push_back(line);
  }
  return lines;
}

std::vector<std::string> WiringIn(const Graph& graph) {
  std::vector<std::string> lines;
  for (const Edge& edge : graph.edges) {
    if (edge.kind != Edge::Kind::kWiring) continue;
    lines.push_back(absl::StrCat(edge.from, " ", edge.field, ".", edge.name, " <- ", edge.to, " ",
                                 edge.output));
  }
  return lines;
}

struct IdentityRow {
  const char* name;
  Dependency of_a;  // What a requires.
  Dependency of_b;
  bool one;
};

TEST(Expand, KnowsWhenTwoRequirementsAreOneNode) {
  const std::vector<IdentityRow> rows = {
      {"nothing said", Needs("x", "x:1"), Needs("x", "x:1"), true},
      {"other aliases", Needs("x", "x:1"), Needs("y", "x:1"), true},
      {"other tags of one repository", Needs("x", "x:1"), Needs("x", "x:2"), true},
      {"other spellings of one repository", Needs("x", "x:1"), Needs("x", "docker.io/library/x:1"),
       true},
      {"other repositories", Needs("x", "x:1"), Needs("x", "y:1"), false},
      {"one group", Needs("x", "x:1", Group("g")), Needs("x", "x:1", Group("g")), true},
      {"other groups", Needs("x", "x:1", Group("g")), Needs("x", "x:1", Group("h")), false},
      {"the empty group is another", Needs("x", "x:1", Group("g")), Needs("x", "x:1"), false},
      {"a group of the namespace", Needs("x", "x:1", Group("${installation.namespace}")),
       Needs("x", "x:1", Group("dev")), true},
      {"a group of the root installation", Needs("x", "x:1", Group("${installation.root.id}")),
       Needs("x", "x:1", Group("dev/top")), true},
      {"a group of each parent", Needs("x", "x:1", Group("${installation.id}")),
       Needs("x", "x:1", Group("${installation.id}")), false},
      {"none", Needs("x", "x:1", kNone), Needs("x", "x:1", kNone), false},
      {"one of them none", Needs("x", "x:1", kNone), Needs("x", "x:1"), false},
      {"the same literal", Needs("x", "x:1", {}, {{"p", "1"}}), Needs("x", "x:1", {}, {{"p", "1"}}),
       true},
      {"other literals", Needs("x", "x:1", {}, {{"p", "1"}}), Needs("x", "x:1", {}, {{"p", "2"}}),
       false},
      {"a literal more", Needs("x", "x:1", {}, {{"p", "1"}}), Needs("x", "x:1"), false},
      {"templates of other parents", Needs("x", "x:1", {}, {{"p", "${bundle.parameters.v}"}}),
       Needs("x", "x:1", {}, {{"p", "${bundle.parameters.v}"}}), false},
      {"the same output of a shared node",
       Needs("x", "x:1", {}, {{"p", "a${bundle.dependencies.s.outputs.o}"}}),
       Needs("x", "x:1", {}, {{"p", "a${ bundle.dependencies.s.outputs.o }"}}), true},
      {"the output of nodes that are not shared",
       Needs("x", "x:1", {}, {{"p", "${bundle.dependencies.n.outputs.o}"}}),
       Needs("x", "x:1", {}, {{"p", "${bundle.dependencies.n.outputs.o}"}}), false},
      {"the namespace", Needs("x", "x:1", {}, {{"p", "${installation.namespace}"}}),
       Needs("x", "x:1", {}, {{"p", "${installation.namespace}"}}), true},
      {"a name that is known", Needs("x", "x:1", {}, {{"p", "db-${bundle.name}"}}),
       Needs("x", "x:1", {}, {{"p", "db-a"}}), true},
  };
  for (const IdentityRow& row : rows) {
    SCOPED_TRACE(row.name);
    Shelf shelf;
    shelf.Add("root:1", {Needs("a", "a:1", kNone), Needs("b", "b:1", kNone)});
    const std::vector<Dependency> siblings = {Needs("s", "s:1"), Needs("n", "n:1", kNone)};
    shelf.Add("a:1", {row.of_a, siblings[0], siblings[1]}, {"v"});
    shelf.Add("b:1", {row.of_b, siblings[0], siblings[1]}, {"v"});
    const absl::StatusOr<Graph> graph =
        Expand(shelf.Get("root:1"), {.installation = {"dev", "top"}}, shelf.FirstReference());
    ASSERT_TRUE(graph.ok()) << graph.status();
    size_t shared = 0;
    for (const Node& node : graph->nodes) {
      if (node.paths.size() == 2 && node.id != "root/a/s") ++shared;
    }
    EXPECT_EQ(shared == 1, row.one);
  }
}

TEST(Expand, GivesAllPathsAndWiring) {
  Shelf shelf;
  Dependency app = Needs("app", "app:1", {},
                         {{"host", "${bundle.dependencies.infra.outputs.ip}"},
                          {"both",
                           "${bundle.dependencies.infra.outputs.ip}:"
                           "${bundle.dependencies.infra.outputs.ip}"}});
  app.outputs = {{"endpoint", "https://${bundle.dependencies.infra.outputs.ip}:${outputs.port}/"},
                 {"own", "${bundle.dependencies.app.outputs.port}"}};
  shelf.Add("root:1", {Needs("infra", "infra:1"), app});
  shelf.Add("infra:1", {Needs("db", "mysql:1")});
  shelf.Add("app:1", {Needs("mysql", "mysql:1")});
  shelf.Add("mysql:1", {});
  const absl::StatusOr<Graph> graph = Expand(shelf.Get("root:1"), {}, shelf.FirstReference());
  ASSERT_TRUE(graph.ok()) << graph.status();
  EXPECT_EQ(PathsIn(*graph), (std::vector<std::string>{"root", "root/app", "root/infra",
                                                       "root/infra/db root/app/mysql"}));
  EXPECT_EQ(
      WiringIn(*graph),
      (std::vector<std::string>{
          "root outputs.endpoint <- root/app port", "root outputs.own <- root/app port",
          "root outputs.endpoint <- root/infra ip", "root/app parameters.both <- root/infra ip",
          "root/app parameters.host <- root/infra ip"}));
}

TEST(Expand, ChoosesAgainWhereADeeperLevelAsksToo) {
  Shelf shelf;
  shelf.Add("root:1", {Needs("db", "mysql:1"), Needs("a", "a:1")});
  shelf.Add("a:1", {Needs("b", "b:1")});
  shelf.Add("b:1", {Needs("db", "mysql:2")});
  shelf.Add("mysql:1", {Needs("old", "old:1")});
  shelf.Add("mysql:2", {Needs("new", "new:1")});
  shelf.Add("old:1", {});
  shelf.Add("new:1", {});
  const Chooser last = [&](const std::string&, const std::vector<const Requirement*>& asked) {
    return absl::StatusOr<NodeChoice>(
        NodeChoice{.bundle = shelf.Get(asked.back()->dependency.reference)});
  };
  const absl::StatusOr<Graph> graph = Expand(shelf.Get("root:1"), {}, last);
  ASSERT_TRUE(graph.ok()) << graph.status();
  EXPECT_EQ(PathsIn(*graph),
            (std::vector<std::string>{"root", "root/a", "root/a/b", "root/db root/a/b/db",
                                      "root/db/new root/a/b/db/new"}));
}

TEST(Expand, EndsWhereChoicesUndoThemselves) {
  // db:1 leads to a deeper demand, for which db:2 is chosen, which does not.
  Shelf shelf;
  shelf.Add("root:1", {Needs("db", "db:1")});
  shelf.Add("db:1", {Needs("x", "x:1")});
  shelf.Add("x:1", {Needs("db", "db:2")});
  shelf.Add("db:2", {});
  const Chooser by_count = [&](const std::string&, const std::vector<const Requirement*>& asked) {
    return absl::StatusOr<NodeChoice>(
        NodeChoice{.bundle = shelf.Get(asked.back()->dependency.reference)});
  };
  const absl::StatusOr<Graph> graph = Expand(shelf.Get("root:1"), {}, by_count);
  ASSERT_TRUE(graph.ok()) << graph.status();
  EXPECT_EQ(PathsIn(*graph), (std::vector<std::string>{"root", "root/db"}));
}

TEST(Expand, MakesACycleOfABundleThatNeedsItself) {
  Shelf shelf;
  shelf.Add("root:1", {Needs("a", "a:1", kNone)});
  shelf.Add("a:1", {Needs("b", "b:1", kNone)});
  shelf.Add("b:1", {Needs("a", "a:1", kNone)});
  const absl::StatusOr<Graph> graph = Expand(shelf.Get("root:1"), {}, shelf.FirstReference());
  ASSERT_TRUE(graph.ok()) << graph.status();
  EXPECT_EQ(PathsIn(*graph), (std::vector<std::string>{"root", "root/a", "root/a/b"}));
  EXPECT_EQ(graph->edges.back().from, "root/a/b");
  EXPECT_EQ(graph->edges.back().to, "root/a");
}

TEST(Expand, RefusesAnEndlessChain) {
  const Chooser deeper = [](const std::string& key, const std::vector<const Requirement*>&) {
    BundleDefinition definition{.dependencies = {Needs("x", "x:1", kNone)}};
    definition.bundle.digest = key;
    return absl::StatusOr<NodeChoice>(
        NodeChoice{.bundle = std::make_shared<const BundleDefinition>(definition)});
  };
  const auto root = std::make_shared<const BundleDefinition>(
      BundleDefinition{.dependencies = {Needs("x", "x:1", kNone)}});
  const absl::Status status = Expand(root, {}, deeper).status();
  EXPECT_TRUE(HasId(status, DiagnosticId::kGraphDepth)) << status;
}

TEST(Expand, KeepsAThousandPathsOfManyMore) {
  Shelf shelf;
  for (int i = 0; i < 40; ++i) {
    const std::string next = absl::StrCat("n", i + 1, ":1");
    Dependency other = Needs("b", next);
    shelf.Add(absl::StrCat("n", i, ":1"), {Needs("a", next), other});
  }
  shelf.Add("n40:1", {});
  const absl::StatusOr<Graph> graph = Expand(shelf.Get("n0:1"), {}, shelf.FirstReference());
  ASSERT_TRUE(graph.ok()) << graph.status();
  EXPECT_EQ(graph->nodes.size(), 41u);
  EXPECT_EQ(graph->nodes.back().paths.size(), 1000u);
  EXPECT_FALSE(graph->diagnostics.empty());
}

TEST(Expand, TellsAllErrorsOfAllBundles) {
  Shelf shelf;
  Dependency bad = Needs("bad", "x:1", {}, {{"p", "${bundle.dependencies.none.outputs.o}"}});
  bad.credentials = {{"c", "${bundle.credentials.missing}"}};
  bad.version = "not a range";
  shelf.Add("root:1", {Needs("a", "a:1"), Needs("self", "x:1", {}, {{"p", "${outputs.o}"}})});
  shelf.Add("a:1", {bad});
  shelf.Add("x:1", {});
  const absl::Status status = Expand(shelf.Get("root:1"), {}, shelf.FirstReference()).status();
  std::vector<std::string> found;
  for (const Diagnostic& diagnostic : DiagnosticsOf(status)) {
    found.push_back(absl::StrCat(InfoOf(diagnostic.id).name, " ", diagnostic.location.pointer, " ",
                                 diagnostic.message.substr(0, 8)));
  }
  EXPECT_EQ(found, (std::vector<std::string>{"graph-self-reference /self/parameters/p dependen",
                                             "graph-unknown-alias /bad/parameters/p root/a: ",
                                             "graph-unknown-name /bad/credentials/c root/a: ",
                                             "range-invalid /bad/version root/a: "}));
}

TEST(Expand, DoesNotShareByDefaultWhereAskedSo) {
  Shelf shelf;
  shelf.Add("root:1", {Needs("a", "x:1"), Needs("b", "x:1")});
  shelf.Add("x:1", {});
  const absl::StatusOr<Graph> graph = Expand(
      shelf.Get("root:1"), {.default_sharing = Sharing::Mode::kNone}, shelf.FirstReference());
  ASSERT_TRUE(graph.ok()) << graph.status();
  EXPECT_EQ(PathsIn(*graph), (std::vector<std::string>{"root", "root/a", "root/b"}));
}

TEST(Expand, WiresParametersThatTakeOutputsOfDependencies) {
  Shelf shelf;
  BundleDefinition root{.dependencies = {Needs("db", "db:1"), Needs("web", "web:1")}};
  root.sources = {{.parameter = "host", .alias = "db", .output = "ip"},
                  {.parameter = "port", .alias = "db", .output = "a-port"},
                  {.parameter = "x", .alias = "none", .output = "o", .location = {.line = 7}}};
  shelf.Add("db:1", {});
  shelf.Add("web:1", {});
  const absl::StatusOr<Expansion> expansion =
      ExpandAll(std::make_shared<const BundleDefinition>(root), {}, shelf.FirstReference());
  ASSERT_TRUE(expansion.ok()) << expansion.status();
  EXPECT_EQ(WiringIn(expansion->graph),
            (std::vector<std::string>{"root parameters.host <- root/db ip",
                                      "root parameters.port <- root/db a-port"}));
  EXPECT_EQ(expansion->graph.edges[0].uses, (std::vector<std::string>{"a-port", "ip"}));
  EXPECT_TRUE(expansion->graph.edges[3].uses.empty());
  ASSERT_EQ(expansion->errors.size(), 1u);
  EXPECT_EQ(expansion->errors[0].id, DiagnosticId::kGraphUnknownAlias);
  EXPECT_EQ(expansion->errors[0].location.line, 7);
}

TEST(Expand, FindsACircleOfAThousandBundles) {
  Shelf shelf;
  for (int i = 0; i < 1000; ++i) {
    shelf.Add(absl::StrCat("n", i, ":1"),
              {Needs("x", absl::StrCat("n", (i + 1) % 1000, ":1"), kNone)});
  }
  const absl::StatusOr<Graph> graph = Expand(shelf.Get("n0:1"), {}, shelf.FirstReference());
  ASSERT_TRUE(graph.ok()) << graph.status();
  EXPECT_EQ(graph->nodes.size(), 1000u);
  EXPECT_EQ(graph->edges.size(), 1000u);
}

TEST(Expand, RefusesMoreLevelsThanItIsAllowedAtTheirPlace) {
  Shelf shelf;
  shelf.Add("root:1", {Needs("a", "a:1")});
  shelf.Add("a:1", {Needs("b", "b:1")});
  shelf.Add("b:1", {Needs("c", "c:1")});
  const absl::Status status =
      Expand(shelf.Get("root:1"), {.max_depth = 2}, shelf.FirstReference()).status();
  const std::vector<Diagnostic> found = DiagnosticsOf(status);
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].id, DiagnosticId::kGraphDepth);
  EXPECT_EQ(found[0].message, "dependencies are nested more than 2 deep: root/a/b/c");
  EXPECT_EQ(found[0].location.pointer, "/c");
}

// A random graph of bundles: diamonds, groups, unshared ones, parameters.
std::vector<std::vector<Dependency>> RandomBundles(std::mt19937& random, size_t count) {
  std::vector<std::vector<Dependency>> bundles(count);
  for (size_t i = 0; i + 1 < count; ++i) {
    for (size_t k = 0; k < 1 + random() % 3; ++k) {
      const size_t to = i + 1 + random() % std::min<size_t>(count - i - 1, 4);
      Dependency dependency = Needs(absl::StrCat("d", k), absl::StrCat("n", to, ":1"));
      switch (random() % 4) {
        case 0:
          dependency.sharing = kNone;
          break;
        case 1:
          dependency.sharing = Group("g");
          break;
        case 2:
          dependency.parameters["p"] = absl::StrCat(random() % 2);
          break;
        default:
          break;
      }
      if (k > 0 && random() % 2 == 0) {
        dependency.parameters["q"] = "${bundle.dependencies.d0.outputs.o}";
      }
      bundles[i].push_back(std::move(dependency));
    }
  }
  return bundles;
}

TEST(Expand, GivesIdsThatDoNotDependOnTheOrderOfVisiting) {
  std::mt19937 random(20261121);
  for (int problem = 0; problem < 60; ++problem) {
    std::vector<std::vector<Dependency>> bundles = RandomBundles(random, 4 + random() % 9);
    std::optional<Graph> first;
    for (int order = 0; order < 5; ++order) {
      Shelf shelf;
      for (size_t i = 0; i < bundles.size(); ++i) {
        std::shuffle(bundles[i].begin(), bundles[i].end(), random);
        shelf.Add(absl::StrCat("n", i, ":1"), bundles[i]);
      }
      const absl::StatusOr<Graph> graph = Expand(shelf.Get("n0:1"), {}, shelf.FirstReference());
      ASSERT_TRUE(graph.ok()) << graph.status();
      if (!first) first = *graph;
      ASSERT_EQ(FormatGraph(*graph), FormatGraph(*first)) << problem;
    }
  }
}

}  // namespace
}  // namespace deps
