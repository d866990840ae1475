// Measures how long a plan takes: plan_bench [--brief]
//
// A tree of bundles, ten below each, in which each takes a parameter of its
// parent and an output of its neighbour. Times are those of the clock, since
// a plan is made on all processors, and the best of several runs, without reading
// and writing documents. The exit status is 1 where 100000 tasks take a second or
// more, or a task takes half as long again as in a tenth of them.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "lib/model/graph.h"
#include "lib/model/plan.h"
#include "lib/plan/plan.h"

namespace deps {
namespace {

Bundle BundleNumber(int number) {
  Bundle bundle{.name = absl::StrCat("b", number), .version = "1.0.0"};
  bundle.digest = absl::StrFormat("sha256:%064x", number);
  bundle.reference = absl::StrCat("example.com/", bundle.name, "@", bundle.digest);
  bundle.parameters["url"] = {.type = "string", .destination = {.env = "URL"}};
  bundle.parameters["level"] = {
      .type = "string", .default_value = JsonText{"\"info\""}, .destination = {.env = "LEVEL"}};
  bundle.outputs["url"] = {.type = "string", .path = "/cnab/app/outputs/url"};
  bundle.invocation_images = {{.image = absl::StrCat("example.com/image", number, ":v1")}};
  return bundle;
}

Graph Tree(int size) {
  Graph graph{.status = "solved"};
  graph.nodes.push_back({.id = "root", .paths = {"root"}, .bundle = BundleNumber(0)});
  for (int number = 1; number < size; ++number) {
    const std::string& parent = graph.nodes[static_cast<size_t>(number - 1) / 10].id;
    const int place = (number - 1) % 10;
    const std::string alias = absl::StrCat("c", place);
    const std::string id = absl::StrCat(parent, "/", alias);
    Edge edge{.from = parent, .to = id, .alias = alias, .sharing = Sharing{Sharing::Mode::kNone}};
    edge.parameters["level"] = "${bundle.parameters.level}";
    if (place > 0) {
      edge.parameters["url"] =
          absl::StrCat("http://${bundle.dependencies.c", place - 1, ".outputs.url}/");
      graph.edges.push_back({.kind = Edge::Kind::kWiring,
                             .from = id,
                             .to = absl::StrCat(parent, "/c", place - 1),
                             .field = "parameters",
                             .name = "url",
                             .output = "url"});
    }
    graph.edges.push_back(std::move(edge));
    graph.nodes.push_back(
        {.id = id, .paths = {id}, .alias = alias, .bundle = BundleNumber(number)});
  }
  SortGraph(&graph);
  return graph;
}

double BestTime(int size, int runs) {
  double best = 1e9;
  for (int run = 0; run < runs; ++run) {
    // One of its own, as a command reads it: what is shared would be copied.
    Graph graph = Tree(size);
    const auto start = std::chrono::steady_clock::now();
    const absl::StatusOr<PlanResult> result = MakePlan(std::move(graph), {});
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
    best = std::min(best, taken.count());
    if (!result.ok() || !result->plan || result->plan->tasks.size() != static_cast<size_t>(size)) {
      std::fprintf(stderr, "plan_bench: there is no plan\n");
      std::exit(1);
    }
  }
  return best;
}

int Run(bool brief) {
  const int sizes[] = {brief ? 100 : 10000, brief ? 1000 : 100000};
  std::printf("   tasks   seconds  microseconds a task\n");
  double each[2];
  double total = 0;
  for (int i = 0; i < 2; ++i) {
    total = BestTime(sizes[i], brief ? 1 : 5);
    each[i] = total / sizes[i];
    std::printf("%8d  %8.3f  %19.2f\n", sizes[i], total, each[i] * 1e6);
  }
  if (brief) return 0;
  const bool fast = total < 1;
  const bool linear = each[1] < 1.5 * each[0];
  if (!fast) std::printf("missed: 100000 tasks in under a second\n");
  if (!linear) std::printf("missed: linear from 10000 tasks\n");
  return fast && linear ? 0 : 1;
}

}  // namespace
}  // namespace deps

int main(int argc, char** argv) {
  return deps::Run(argc > 1 && std::string_view(argv[1]) == "--brief");
}
