#include "lib/solve/requests.h"

#include <algorithm>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "lib/base/status_macros.h"
#include "lib/diag/diagnostic.h"
#include "lib/oci/reference.h"

namespace deps {
namespace {

constexpr std::string_view kInstallationPrefix = "installation:";

bool HasPath(const Node& node, const std::string& name) {
  if (node.id == name) return true;
  const std::string below_root = absl::StrCat(std::string(kRootKey), "/", name);
  return std::any_of(node.paths.begin(), node.paths.end(),
                     [&](const std::string& path) { return path == name || path == below_root; });
}

}  // namespace

BundleDefinition DefinitionOf(const Node& node, const std::vector<const Edge*>& requires_edges) {
  BundleDefinition definition;
  if (node.bundle) definition.bundle = *node.bundle;
  for (const Edge* edge : requires_edges) {
    definition.dependencies.push_back({.alias = edge->alias,
                                       .reference = edge->reference,
                                       .version = edge->version,
                                       .prereleases = edge->prereleases,
                                       .sharing = edge->sharing,
                                       .interface = edge->interface,
                                       .parameters = edge->parameters,
                                       .credentials = edge->credentials,
                                       .outputs = edge->outputs});
  }
  for (const auto& [name, parameter] : definition.bundle.parameters) {
    for (const OutputSource& source : parameter.sources) {
      if (source.alias.empty()) continue;
      definition.sources.push_back(
          {.parameter = name, .alias = source.alias, .output = source.output});
    }
  }
  return definition;
}

std::map<std::string, std::vector<const Edge*>> RequiresEdges(const Graph& graph) {
  std::map<std::string, std::vector<const Edge*>> edges;
  for (const Edge& edge : graph.edges) {
    if (edge.kind == Edge::Kind::kRequires) edges[edge.from].push_back(&edge);
  }
  return edges;
}

absl::StatusOr<std::map<std::string, std::string>> KeysByPath(const Graph& graph,
                                                              const ExpandOptions& options) {
  std::map<std::string, std::string> keys;
  std::map<std::string, std::string> key_of_id = {{graph.root, std::string(kRootKey)}};
  std::map<std::string, const Node*> nodes;
  for (const Node& node : graph.nodes) nodes[node.id] = &node;
  std::map<std::string, std::vector<const Edge*>> edges = RequiresEdges(graph);
  std::vector<std::string> open = {graph.root};
  while (!open.empty()) {
    const std::string id = open.back();
    open.pop_back();
    const auto node = nodes.find(id);
    if (node == nodes.end()) continue;
    for (const std::string& path : node->second->paths) keys[path] = key_of_id[id];
    DEPS_ASSIGN_OR_RETURN(
        const std::vector<Requirement> requirements,
        RequirementsOf(key_of_id[id], DefinitionOf(*node->second, edges[id]), options));
    std::map<std::string, std::string> key_of_alias;
    for (const Requirement& requirement : requirements) {
      key_of_alias[requirement.dependency.alias] = requirement.key;
    }
    for (const Edge* edge : edges[id]) {
      const auto key = key_of_alias.find(edge->alias);
      if (key == key_of_alias.end()) continue;
      if (key_of_id.emplace(edge->to, key->second).second) open.push_back(edge->to);
    }
  }
  return keys;
}

absl::StatusOr<Use> ParseUse(const std::string& text, const std::string& name_space) {
  const size_t equals = text.find('=');
  if (equals == std::string::npos || equals == 0 || equals + 1 == text.size()) {
    return MakeError({.id = DiagnosticId::kUsage,
                      .message = absl::StrCat("--use ", text, ": this is not NODE=REFERENCE"),
                      .hint = "write NODE=REFERENCE or NODE=installation:[NAMESPACE/]NAME"});
  }
  Use use{.node = text.substr(0, equals)};
  const std::string what = text.substr(equals + 1);
  if (what.rfind(kInstallationPrefix, 0) == 0) {
    const std::string name = what.substr(kInstallationPrefix.size());
    const size_t slash = name.find('/');
    use.installation = slash == std::string::npos
                           ? InstallationName{name_space, name}
                           : InstallationName{name.substr(0, slash), name.substr(slash + 1)};
    return use;
  }
  const absl::StatusOr<Reference> reference = Reference::Parse(what);
  if (!reference.ok()) return WithContext(reference.status(), absl::StrCat("--use ", text));
  use.reference = reference->Full();
  return use;
}

absl::StatusOr<std::string> PathOf(const Graph& graph, const std::string& name) {
  for (const Node& node : graph.nodes) {
    if (HasPath(node, name)) return node.id;
  }
  std::set<std::string> ids;
  for (const Edge& edge : graph.edges) {
    if (edge.kind == Edge::Kind::kRequires && edge.alias == name) ids.insert(edge.to);
  }
  if (ids.size() > 1) {
    return MakeError({.id = DiagnosticId::kUsage,
                      .message = absl::StrCat("\"", name, "\" is the alias of several nodes"),
                      .hint = absl::StrCat("use one of: ", absl::StrJoin(ids, ", "))});
  }
  return ids.empty() ? "" : *ids.begin();
}

}  // namespace deps
