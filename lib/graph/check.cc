#include "lib/graph/check.h"

#include <string_view>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "lib/expand/hint.h"
#include "lib/graph/cycle.h"
#include "lib/json/json.h"
#include "lib/template/template.h"

namespace deps {
namespace {

class Checker {
 public:
  Checker(const Graph& graph, const DependencyPlaces& places) : graph_(graph), places_(places) {
    for (const Node& node : graph.nodes) {
      if (!node.bundle) continue;
      nodes_.emplace(node.id, &node);
      for (const auto& [name, output] : node.bundle->outputs) outputs_[node.id].emplace(name, true);
    }
    for (const Edge& edge : graph.edges) {
      if (edge.kind != Edge::Kind::kRequires) continue;
      targets_.emplace(std::make_pair(edge.from, edge.alias), edge.to);
      for (const auto& [name, text] : edge.outputs) outputs_[edge.from].emplace(name, true);
    }
  }

  std::vector<Diagnostic> Check() {
    for (const Edge& edge : graph_.edges) {
      if (edge.kind != Edge::Kind::kRequires) continue;
      edge_ = &edge;
      const auto node = nodes_.find(edge.to);
      if (node != nodes_.end()) {
        if (mapped_.insert(edge.to).second) CheckUnmapped(*node->second->bundle);
        CheckPassed("parameter", edge.parameters, *node->second, node->second->bundle->parameters);
        CheckPassed("credential", edge.credentials, *node->second,
                    node->second->bundle->credentials);
      }
      CheckRead("parameters", edge.parameters);
      CheckRead("credentials", edge.credentials);
      CheckRead("outputs", edge.outputs);
    }
    AddCycles();
    return std::move(found_);
  }

 private:
  void Fail(std::string_view pointer, std::string message, std::string hint) {
    const auto place = places_.find({edge_->from, edge_->alias});
    Location location = place != places_.end() ? place->second : Location{};
    location.pointer += pointer;
    if (edge_->from != graph_.root) message = absl::StrCat(edge_->from, ": ", message);
    found_.push_back({.id = DiagnosticId::kGraphUnknownName,
                      .message = std::move(message),
                      .location = std::move(location),
                      .hint = std::move(hint)});
  }

  template <typename Definitions>
  void CheckPassed(std::string_view what, const std::map<std::string, std::string>& passed,
                   const Node& target, const Definitions& defined) {
    for (const auto& [name, text] : passed) {
      if (defined.contains(name)) continue;
      Fail(absl::StrCat("/", what, "s", json::PointerStep(name)),
           absl::StrCat("dependency '", edge_->alias, "' (", target.bundle->name, " ",
                        target.bundle->version, ") has no ", what, " '", name, "'"),
           HintOfKeys(defined));
    }
  }

  // What is missing can still come from whoever installs the bundle.
  void CheckUnmapped(const Bundle& bundle) {
    std::vector<std::string> missing;
    for (const auto& [name, parameter] : bundle.parameters) {
      if (!parameter.required || parameter.default_value || edge_->parameters.contains(name)) {
        continue;
      }
      missing.push_back(absl::StrCat("parameter '", name, "'"));
    }
    for (const auto& [name, credential] : bundle.credentials) {
      if (!credential.required || edge_->credentials.contains(name)) continue;
      missing.push_back(absl::StrCat("credential '", name, "'"));
    }
    if (missing.empty()) return;
    Fail("",
         absl::StrCat("dependency '", edge_->alias, "' (", bundle.name, " ", bundle.version,
                      ") requires what nothing maps: ", absl::StrJoin(missing, ", ")),
         "");
    found_.back().id = DiagnosticId::kGraphUnmapped;
    found_.back().severity = Severity::kWarning;
  }

  void CheckRead(std::string_view field, const std::map<std::string, std::string>& entries) {
    for (const auto& [name, text] : entries) {
      const absl::StatusOr<std::vector<TemplatePart>> parts = ParseTemplate(text);
      if (!parts.ok()) continue;  // Told where the bundle was read.
      const std::string pointer = absl::StrCat("/", field, json::PointerStep(name));
      for (const TemplatePart& part : *parts) CheckPart(pointer, field, part);
    }
  }

  void CheckPart(std::string_view pointer, std::string_view field, const TemplatePart& part) {
    std::string alias = part.alias;
    if (part.kind == TemplatePart::Kind::kOwnOutput && field == "outputs") {
      alias = edge_->alias;
    } else if (part.kind != TemplatePart::Kind::kDependencyOutput) {
      return;
    }
    const auto target = targets_.find({edge_->from, alias});
    if (target == targets_.end()) return;
    const auto node = nodes_.find(target->second);
    if (node == nodes_.end()) return;
    const std::map<std::string, bool>& outputs = outputs_[target->second];
    if (outputs.contains(part.name)) return;
    const Bundle& bundle = *node->second->bundle;
    Fail(pointer,
         absl::StrCat("dependency '", alias, "' (", bundle.name, " ", bundle.version,
                      ") has no output '", part.name, "'"),
         HintOfKeys(outputs));
  }

  void AddCycles() {
    for (const Cycle& cycle : ShortestCycles(graph_)) {
      const Edge& first = *cycle.edges.front();
      // A wire is written in the dependency that is wired.
      std::pair<std::string, std::string> key = {first.from, first.alias};
      if (first.kind == Edge::Kind::kWiring) {
        const size_t slash = first.from.rfind('/');
        if (slash != std::string::npos) {
          key = {first.from.substr(0, slash), first.from.substr(slash + 1)};
        }
      }
      const auto place = places_.find(key);
      found_.push_back({.id = DiagnosticId::kGraphCycle,
                        .message = absl::StrCat("bundles need each other in a circle: ",
                                                FormatCycle(graph_, cycle)),
                        .location = place != places_.end() ? place->second : Location{}});
    }
  }

  const Graph& graph_;
  const DependencyPlaces& places_;
  const Edge* edge_ = nullptr;
  absl::flat_hash_map<std::string, const Node*> nodes_;  // Those with a bundle.
  absl::flat_hash_map<std::string, std::map<std::string, bool>> outputs_;
  absl::flat_hash_map<std::pair<std::string, std::string>, std::string> targets_;
  absl::flat_hash_set<std::string> mapped_;  // Nodes: what shares one passes the same.
  std::vector<Diagnostic> found_;
};

}  // namespace

std::vector<Diagnostic> CheckGraph(const Graph& graph, const DependencyPlaces& places) {
  return Checker(graph, places).Check();
}

}  // namespace deps
