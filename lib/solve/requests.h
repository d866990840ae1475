// What the user asks for: nodes by name, and what shall stand for them.
#ifndef DEPS_LIB_SOLVE_REQUESTS_H_
#define DEPS_LIB_SOLVE_REQUESTS_H_

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "lib/expand/expand.h"
#include "lib/model/graph.h"
#include "lib/solve/resolve.h"

namespace deps {

// The edges by which each node requires others, by its id.
std::map<std::string, std::vector<const Edge*>> RequiresEdges(const Graph& graph);

// The bundle of a node as its graph tells it, with what its edges require.
BundleDefinition DefinitionOf(const Graph& graph, const Node& node,
                              const std::vector<const Edge*>& requires_edges);

// The bundles of the graph that are known by a digest, by REPOSITORY@DIGEST.
std::map<std::string, std::shared_ptr<const BundleDefinition>> DefinitionsByDigest(
    const Graph& graph);

// The keys (lib/expand) of a graph's nodes, by every path that they have.
// Errors: those of RequirementsOf.
absl::StatusOr<std::map<std::string, std::string>> KeysByPath(const Graph& graph,
                                                              const ExpandOptions& options);

// --use NODE=REFERENCE or NODE=installation:[NAMESPACE/]NAME
struct Use {
  std::string node;  // As written.
  std::string path;  // Of the node where the graph has it; else "".
  std::string key;   // Likewise.
  std::string reference;
  std::optional<InstallationName> installation;

  // Whether it is meant for the node of this key, found first at the path `at`.
  bool Names(const std::string& node_key, const std::string& at) const;
};

// An installation without a namespace is one of `name_space`.
// Errors: usage; reference-invalid.
absl::StatusOr<Use> ParseUse(const std::string& text, const std::string& name_space);

// The path that a user means by `name`: a path, a path without "root/", or an
// alias that only one node has. "" where the graph has none.
// Errors: usage for an alias that several nodes have.
absl::StatusOr<std::string> PathOf(const Graph& graph, const std::string& name);

// All of options.uses, with the keys of the nodes that the graph has. An
// installation without a namespace is a global one where only that exists.
// Errors: those of ParseUse and PathOf; usage for two that say different things
// of one node.
absl::StatusOr<std::vector<Use>> ReadUses(const Graph& graph, const ResolveOptions& options,
                                          const std::map<std::string, std::string>& keys);

// "did you mean …?", or how nodes are named.
std::string HintForNode(const std::string& name, const std::vector<std::string>& paths);

}  // namespace deps

#endif  // DEPS_LIB_SOLVE_REQUESTS_H_
