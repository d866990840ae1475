#include "lib/plan/check_given.h"

#include <cstddef>
#include <utility>

#include "absl/strings/str_cat.h"
#include "lib/diag/diagnostic.h"
#include "lib/model/graph.h"

namespace deps {
namespace {

absl::Status Unsolved(std::string message, std::string pointer) {
  return MakeError({.id = DiagnosticId::kPlanUnsolved,
                    .message = std::move(message),
                    .location = {.pointer = std::move(pointer)},
                    .hint = "deps-solve writes a solution that can be planned"});
}

}  // namespace

absl::Status CheckSink(const std::string& sink) {
  if (sink.empty()) return absl::OkStatus();
  const std::string provider = sink.substr(0, sink.find(':'));
  if (provider.empty() || provider.size() == sink.size() || provider.size() + 1 == sink.size()) {
    return MakeError({.id = DiagnosticId::kUsage,
                      .message = absl::StrCat("--sink ", sink, ": this is not PROVIDER:PREFIX")});
  }
  for (const std::string_view reader : {"env", "command", "fd", "value"}) {
    if (provider != reader) continue;
    return MakeError(
        {.id = DiagnosticId::kPlanSink,
         .message = absl::StrCat("--sink ", sink, ": nothing can be put into ", provider),
         .hint = "name a provider that keeps values, as vault:kv/deps; without --sink, sensitive "
                 "outputs are sealed in the state"});
  }
  return absl::OkStatus();
}

absl::Status CheckSolution(const NodeTable& table) {
  const Graph& solution = table.graph();
  if (solution.status != "solved") {
    return Unsolved("the solution has no answer", "/status");
  }
  if (table.Find(solution.root) == nullptr) {
    return Unsolved("the root is not among the nodes", "/root");
  }
  for (size_t i = 0; i < solution.nodes.size(); ++i) {
    const Node& node = solution.nodes[i];
    if (!node.bundle && !IsReused(node)) {
      return Unsolved(absl::StrCat(node.id, " has neither a bundle nor an installation"),
                      absl::StrCat("/nodes/", i));
    }
  }
  for (size_t i = 0; i < solution.edges.size(); ++i) {
    const Edge& edge = solution.edges[i];
    if (table.HasEnds(edge)) continue;
    return Unsolved(absl::StrCat("an edge from ", edge.from, " to ", edge.to,
                                 " is not between nodes of the solution"),
                    absl::StrCat("/edges/", i));
  }
  return absl::OkStatus();
}

absl::Status CheckRequired(const NodeTable& table) {
  for (const Node& node : table.graph().nodes) {
    if (&node == &table.root() || IsReused(node) || !table.RequiredBy(node).empty()) continue;
    return Unsolved(absl::StrCat(node.id, " is required by nothing"), table.Pointer(node));
  }
  return absl::OkStatus();
}

}  // namespace deps
