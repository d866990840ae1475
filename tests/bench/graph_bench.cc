// How long deps-graph and deps-solve take for graphs of many nodes from an
// Index: `graph_bench [--brief] DEPS_GRAPH DEPS_SOLVE`, the paths of both.
//
// The graph is a tree in which each bundle needs ten, with an edge across from
// each bundle but the first, so that many nodes are shared. Beside the times
// stands what `cat` takes for the same documents. Exit status 1 where a target
// is missed: a second for 10^4 nodes, twelve times that for ten times as many.
#include <algorithm>
#include <cstdio>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "lib/io/file.h"
#include "tests/bench/timed_command.h"

namespace deps {
namespace {

constexpr int kFanOut = 10;
constexpr double kMostSeconds = 1.0;
constexpr double kMostGrowth = 12.0;

std::string Requires(int node, int nodes) {
  std::string text;
  const auto add = [&](int other, std::string_view range) {
    if (other >= nodes) return;
    absl::StrAppend(&text, text.empty() ? "" : ",", "\"d", other, R"(":{"bundle":"example.com/app)",
                    other, R"(","version":")", range,
                    R"(","sharing":{"mode":true,"group":{"name":"g"}}})");
  };
  for (int i = 1; i <= kFanOut; ++i) add(node * kFanOut + i, ">=1.0.0 <2.0.0");
  if (node > 0) add(node * kFanOut + kFanOut + 3, "^1");
  return text;
}

void WriteIndex(const std::string& path, int nodes) {
  std::ofstream file(path);
  file << R"({"apiVersion":"cnab-deps/v1","kind":"Index","bundles":[)";
  for (int i = 0; i < nodes; ++i) {
    file << (i == 0 ? "\n" : ",\n")
         << absl::StrCat(
                R"({"reference":"example.com/app)", i, R"(:v1.0.0","bundle":{)",
                R"("schemaVersion":"1.2.0","name":"app)", i, R"(","version":"1.0.0",)",
                R"("invocationImages":[{"imageType":"oci","image":"example.com/app)", i,
                R"(-image:v1.0.0"}],"definitions":{"port":{"type":"integer","default":80},)",
                R"("connstr":{"type":"string","writeOnly":true}},"parameters":{"port":)",
                R"({"definition":"port","destination":{"env":"PORT"}}},"outputs":{"connstr":)",
                R"({"definition":"connstr","path":"/cnab/app/outputs/connstr"}},"custom":)",
                R"({"org.getporter.dependencies@v2":{"requires":{)", Requires(i, nodes), "}}}}}");
  }
  file << "\n]}\n";
}

// Below zero where it failed.
double Time(const std::vector<std::string>& command, const std::string& output) {
  const Cost cost = RunCommandTimed(command, output);
  return cost.good ? cost.seconds : -1;
}

double Best(int runs, const std::vector<std::string>& command, const std::string& output) {
  double best = Time(command, output);
  for (int i = 1; i < runs && best >= 0; ++i) best = std::min(best, Time(command, output));
  return best;
}

struct Times {
  double graph, solve, cat;
};

Times Measure(int nodes, int runs, const std::string& deps_graph, const std::string& deps_solve,
              const std::string& folder) {
  const std::string index = absl::StrCat(folder, "/index.json");
  const std::string graph = absl::StrCat(folder, "/graph.json");
  const std::string solution = absl::StrCat(folder, "/solution.json");
  WriteIndex(index, nodes);
  Times times = {};
  times.graph = Best(
      runs, {deps_graph, "--offline", "--no-cache", "--index", index, "example.com/app0:v1.0.0"},
      graph);
  times.solve = Best(runs,
                     {deps_solve, "--offline", "--no-cache", "--state",
                      absl::StrCat("sqlite:", folder, "/state.db"), "--index", index, graph},
                     solution);
  times.cat = Best(runs, {"cat", index, graph, solution}, "/dev/null");
  std::printf("%8d  %10.3f  %10.3f  %10.3f\n", nodes, times.graph, times.solve, times.cat);
  return times;
}

int Run(bool brief, const std::string& deps_graph, const std::string& deps_solve) {
  absl::StatusOr<TemporaryFolder> folder = TemporaryFolder::Create("graph-bench");
  if (!folder.ok()) return 2;
  const int runs = brief ? 1 : 5;
  const int nodes = brief ? 100 : 10'000;
  std::printf("   nodes  deps-graph  deps-solve         cat   (seconds)\n");
  const Times few = Measure(nodes, runs, deps_graph, deps_solve, folder->path());
  const Times many = Measure(10 * nodes, runs, deps_graph, deps_solve, folder->path());
  if (few.graph < 0 || few.solve < 0 || many.graph < 0 || many.solve < 0) return 2;
  std::printf("  growth  %9.1fx  %9.1fx  %9.1fx\n", many.graph / few.graph, many.solve / few.solve,
              many.cat / few.cat);
  if (brief) return 0;
  const bool met = few.graph < kMostSeconds && few.solve < kMostSeconds &&
                   many.graph <= kMostGrowth * few.graph && many.solve <= kMostGrowth * few.solve;
  std::printf("targets: below %.0f s, growth at most %.0fx: %s\n", kMostSeconds, kMostGrowth,
              met ? "met" : "missed");
  return met ? 0 : 1;
}

}  // namespace
}  // namespace deps

int main(int argc, char** argv) {
  const bool brief = argc == 4 && std::string_view(argv[1]) == "--brief";
  if (argc != 3 && !brief) {
    std::fprintf(stderr, "usage: graph_bench [--brief] DEPS_GRAPH DEPS_SOLVE\n");
    return 2;
  }
  return deps::Run(brief, argv[argc - 2], argv[argc - 1]);
}
