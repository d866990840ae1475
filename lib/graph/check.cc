#include "lib/graph/check.h"

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>

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
  Checker(const Graph& graph, const NodeDefinitions& definitions)
      : graph_(graph), definitions_(definitions) {
    nodes_.reserve(graph.nodes.size());
    targets_.reserve(graph.edges.size());
    for (const Node& node : graph.nodes) {
      if (node.bundle) nodes_.emplace(node.id, &node);
    }
    for (const Edge& edge : graph.edges) {
      if (edge.kind != Edge::Kind::kRequires) continue;
      targets_.try_emplace({edge.from, edge.alias}, edge.to);
      for (const auto& [name, text] : edge.outputs) promoted_[edge.from].insert(name);
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
    for (const Node& node : graph_.nodes) CheckSources(node);
    AddCycles();
    return std::move(found_);
  }

 private:
  // The dependency that is written for `edge`; nullptr where none is known.
  const Dependency* WrittenFor(const std::string& from, std::string_view alias) const {
    const auto definition = definitions_.find(from);
    if (definition == definitions_.end()) return nullptr;
    for (const Dependency& dependency : definition->second->dependencies) {
      if (dependency.alias == alias) return &dependency;
    }
    return nullptr;
  }

  // At a byte of a member of the dependency that is being checked.
  void Fail(std::string_view member, size_t byte, std::string message, std::string hint) {
    const Dependency* dependency = WrittenFor(edge_->from, edge_->alias);
    Location location;
    if (dependency != nullptr) {
      location = member.empty() ? dependency->location : dependency->PlaceOf(member, byte);
    }
    AddError(edge_->from, std::move(location), std::move(message), std::move(hint));
  }

  void AddError(const std::string& from, Location location, std::string message, std::string hint) {
    if (from != graph_.root) message = absl::StrCat(from, ": ", message);
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
      Fail(absl::StrCat("/", what, "s", json::PointerStep(name)), 0,
           absl::StrCat("dependency '", edge_->alias, "' (", target.bundle->name, " ",
                        target.bundle->version, ") has no ", what, " '", name, "'"),
           HintOfKeys(name, defined));
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
    Fail("", 0,
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
    std::string_view alias = part.alias;
    if (part.kind == TemplatePart::Kind::kOwnOutput && field == "outputs") {
      alias = edge_->alias;
    } else if (part.kind != TemplatePart::Kind::kDependencyOutput) {
      return;
    }
    const auto target = targets_.find({edge_->from, alias});
    if (target == targets_.end()) return;
    const std::string problem = MissingOutput(target->second, alias, part.name);
    if (!problem.empty()) {
      Fail(pointer, part.offset, problem, HintOf(part.name, OutputsOf(target->second)));
    }
  }

  // "" where the node has the output, or nothing stands for it.
  std::string MissingOutput(std::string_view id, std::string_view alias,
                            const std::string& output) const {
    const auto node = nodes_.find(id);
    if (node == nodes_.end()) return "";
    const Bundle& bundle = *node->second->bundle;
    const auto promoted = promoted_.find(id);
    if (bundle.outputs.contains(output) ||
        (promoted != promoted_.end() && promoted->second.contains(output))) {
      return "";
    }
    return absl::StrCat("dependency '", alias, "' (", bundle.name, " ", bundle.version,
                        ") has no output '", output, "'");
  }

  // Of the node's bundle, and what it promotes.
  std::vector<std::string> OutputsOf(std::string_view id) const {
    std::vector<std::string> names;
    for (const auto& [name, output] : nodes_.at(id)->bundle->outputs) names.push_back(name);
    if (const auto promoted = promoted_.find(id); promoted != promoted_.end()) {
      names.insert(names.end(), promoted->second.begin(), promoted->second.end());
    }
    return names;
  }

  // Parameters that take outputs of dependencies.
  void CheckSources(const Node& node) {
    const auto definition = definitions_.find(node.id);
    if (definition == definitions_.end()) return;
    for (const DependencySource& source : definition->second->sources) {
      const auto target = targets_.find({node.id, source.alias});
      if (target == targets_.end()) continue;  // Told where the bundle was read.
      const std::string problem = MissingOutput(target->second, source.alias, source.output);
      if (problem.empty()) continue;
      AddError(node.id, source.location, problem, HintOf(source.output, OutputsOf(target->second)));
    }
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
      const Dependency* dependency = WrittenFor(key.first, key.second);
      const std::string member = first.kind == Edge::Kind::kWiring
                                     ? absl::StrCat("/", first.field, json::PointerStep(first.name))
                                     : "/bundle";
      found_.push_back(
          {.id = DiagnosticId::kGraphCycle,
           .message =
               absl::StrCat("bundles need each other in a circle: ", FormatCycle(graph_, cycle)),
           .location = dependency != nullptr ? dependency->PlaceOf(member) : Location{}});
    }
  }

  const Graph& graph_;
  const NodeDefinitions& definitions_;
  const Edge* edge_ = nullptr;
  // All of them point into the graph. Only for look-ups.
  absl::flat_hash_map<std::string_view, const Node*> nodes_;  // Those with a bundle.
  absl::flat_hash_map<std::pair<std::string_view, std::string_view>, std::string_view> targets_;
  absl::flat_hash_map<std::string_view, std::set<std::string_view>> promoted_;  // By node.
  absl::flat_hash_set<std::string_view> mapped_;  // Nodes: what shares one passes the same.
  std::vector<Diagnostic> found_;
};

}  // namespace

std::vector<Diagnostic> CheckGraph(const Graph& graph, const NodeDefinitions& definitions) {
  return Checker(graph, definitions).Check();
}

}  // namespace deps
