#include "lib/solve/requests.h"

#include <algorithm>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "lib/base/status_macros.h"
#include "lib/diag/diagnostic.h"
#include "lib/oci/reference.h"
#include "lib/text/closest_match.h"

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

BundleDefinition DefinitionOf(const Graph& graph, const Node& node,
                              const std::vector<const Edge*>& requires_edges) {
  BundleDefinition definition;
  if (node.bundle) definition.bundle = *node.bundle;
  for (const Edge* edge : requires_edges) {
    definition.dependencies.push_back(
        {.alias = edge->alias,
         .reference = edge->reference,
         .version = edge->version,
         .prereleases = edge->prereleases,
         .sharing = edge->sharing,
         .interface = edge->interface,
         .parameters = edge->parameters,
         .credentials = edge->credentials,
         .outputs = edge->outputs,
         .location = {.pointer = absl::StrCat("/edges/", edge - graph.edges.data())}});
  }
  for (const auto& [name, parameter] : definition.bundle.parameters) {
    for (const OutputSource& source : parameter.sources) {
      if (source.alias.empty()) continue;
      definition.sources.push_back(
          {.parameter = name, .alias = source.alias, .output = source.output});
    }
  }
  // What no parameter takes is read all the same.
  for (const Edge* edge : requires_edges) {
    for (const std::string& output : edge->uses) {
      const bool known =
          std::any_of(definition.sources.begin(), definition.sources.end(),
                      [&](const DependencySource& source) {
                        return source.alias == edge->alias && source.output == output;
                      });
      if (!known) definition.sources.push_back({.alias = edge->alias, .output = output});
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

std::map<std::string, std::shared_ptr<const BundleDefinition>> DefinitionsByDigest(
    const Graph& graph) {
  std::map<std::string, std::shared_ptr<const BundleDefinition>> definitions;
  const std::map<std::string, std::vector<const Edge*>> edges = RequiresEdges(graph);
  for (const Node& node : graph.nodes) {
    if (!node.bundle || node.bundle->digest.empty()) continue;
    const absl::StatusOr<Reference> reference = Reference::Parse(node.bundle->reference);
    if (!reference.ok()) continue;
    const auto own = edges.find(node.id);
    definitions[absl::StrCat(reference->Repository(), "@", node.bundle->digest)] =
        std::make_shared<const BundleDefinition>(DefinitionOf(
            graph, node, own == edges.end() ? std::vector<const Edge*>() : own->second));
  }
  return definitions;
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
        RequirementsOf(key_of_id[id], DefinitionOf(graph, *node->second, edges[id]), options));
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

bool Use::Names(const std::string& node_key, const std::string& at) const {
  if (!key.empty() && key == node_key) return true;
  return at == path || at == node || at == absl::StrCat(std::string(kRootKey), "/", node);
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

absl::StatusOr<std::vector<Use>> ReadUses(const Graph& graph, const ResolveOptions& options,
                                          const std::map<std::string, std::string>& keys) {
  std::vector<Use> uses;
  std::map<std::string, std::string> said;  // By node.
  const auto exists = [&](const InstallationName& name) {
    return std::any_of(options.installations.begin(), options.installations.end(),
                       [&](const Installation& known) { return known.name == name; });
  };
  for (const std::string& text : options.uses) {
    DEPS_ASSIGN_OR_RETURN(Use use, ParseUse(text, options.name_space));
    DEPS_ASSIGN_OR_RETURN(use.path, PathOf(graph, use.node));
    const std::string& path = use.path;
    if (path == graph.root) {
      return MakeError({.id = DiagnosticId::kUsage,
                        .message = absl::StrCat("--use ", text, ": the root is what is asked for"),
                        .hint = "name a dependency, or give deps-graph another bundle"});
    }
    if (const auto key = keys.find(path); key != keys.end()) use.key = key->second;
    const bool bare = text.find('/', text.find('=')) == std::string::npos;
    if (use.installation && bare) {
      const InstallationName global{"", use.installation->name};
      if (!exists(*use.installation) && exists(global)) use.installation = global;
    }
    const auto [before, is_new] = said.try_emplace(use.key.empty() ? use.node : use.key, text);
    if (!is_new) {
      const std::string what = text.substr(text.find('='));
      if (before->second.substr(before->second.find('=')) == what) continue;
      return MakeError({.id = DiagnosticId::kUsage,
                        .message = absl::StrCat("--use ", before->second, " and --use ", text,
                                                " contradict each other: both mean ",
                                                path.empty() ? use.node : path)});
    }
    uses.push_back(std::move(use));
  }
  return uses;
}

std::string HintForNode(const std::string& name, const std::vector<std::string>& paths) {
  std::vector<std::string> names;
  for (const std::string& path : paths) {
    const size_t below_root = path.find('/');
    if (below_root == std::string::npos) continue;
    names.push_back(path);
    names.push_back(path.substr(below_root + 1));
    names.push_back(path.substr(path.rfind('/') + 1));
  }
  if (const std::optional<std::string> meant = ClosestMatch(name, names)) {
    return absl::StrCat("did you mean \"", *meant, "\"?");
  }
  return "name a node as the graph does, such as root/ALIAS, or by its alias";
}

}  // namespace deps
