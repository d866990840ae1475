// From a bundle to its graph, given who chooses what stands for each
// dependency. deps-graph and deps-solve both expand with this; they differ in
// the chooser alone.
//
// Identity (PEP003, contract section 4): two requirements are one node if and
// only if both share in the same rendered group, name the same repository (or
// the same interface), and pass the same parameters and credentials after each
// template is bound to the node that it reads. Whatever is not shared belongs
// to its parent and alias alone. Keys do not depend on the order of visiting.
#ifndef DEPS_LIB_EXPAND_EXPAND_H_
#define DEPS_LIB_EXPAND_EXPAND_H_

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "lib/model/bundle.h"
#include "lib/model/graph.h"

namespace deps {

struct ExpandOptions {
  // What an absent `sharing` means: PEP003's group "", or Porter's none.
  Sharing::Mode default_sharing = Sharing::Mode::kGroup;
  // Facts of the root installation for `installation.*` in sharing groups.
  // Expand takes the root bundle's name where it has none.
  InstallationName installation;
  int max_depth = 1000;
  size_t max_nodes = 250000;
};

// One entry of one bundle's `requires`, and the key of the node it asks for.
struct Requirement {
  std::string parent;     // The key of the node that requires.
  std::string key;        // The key of the node that is required.
  Dependency dependency;  // With the sharing group rendered and the default applied.
};

// The key of the root node.
inline constexpr std::string_view kRootKey = "root";

// What `bundle`, standing for the node `parent`, requires; by alias.
// Pure: the same arguments give the same keys.
//
// Errors, all of them at once: graph-duplicate-alias, template-invalid,
// graph-unknown-alias, graph-self-reference, graph-root-output,
// graph-unknown-name (parameters and credentials of `bundle` itself),
// reference-invalid, range-invalid.
absl::StatusOr<std::vector<Requirement>> RequirementsOf(const std::string& parent,
                                                        const BundleDefinition& bundle,
                                                        const ExpandOptions& options);

// What stands for a node.
struct NodeChoice {
  // Absent: nothing was found; the node stays without bundle.
  std::shared_ptr<const BundleDefinition> bundle;
  // An installation that is reused has its bundle, but nothing below it.
  bool leaf = false;
  std::optional<Resolution> resolution;
  std::vector<Diagnostic> diagnostics;  // Warnings that go into the graph.
};

// Chooses for the node `key`. `requirements` are all that ask for it, as far as
// they are known: at least one. It is called once for each key and level, and
// again for a key where a deeper level asks for it too; what it says last
// counts. An error ends the expansion.
using Chooser = std::function<absl::StatusOr<NodeChoice>(
    const std::string& key, const std::vector<const Requirement*>& requirements)>;

// Told of all choices of a level before the first of them is made, so that what
// they need can be fetched at once. What it does changes nothing.
using Foresight = std::function<void(const std::string& key,
                                     const std::vector<const Requirement*>& requirements)>;

// Expands `root` breadth first. The graph is complete: nodes with all their
// paths and final ids, requires and wiring edges, sorted. It is not checked for
// cycles or unknown outputs (lib/graph does).
//
// A bundle that needs itself (one with the same digest, through others) would go
// on for ever where it is not shared. There the edge goes back to the node that
// it came from, so that the graph is finite and has the cycle.
//
// Of a node with very many paths the first thousand are kept, with a note.
//
// Errors: those of RequirementsOf for every bundle, each message with the path
// of its node; graph-depth beyond max_depth or max_nodes; those of the chooser.
//
// Time: O(levels * (nodes + edges)) and the choices.
absl::StatusOr<Graph> Expand(std::shared_ptr<const BundleDefinition> root,
                             const ExpandOptions& options, const Chooser& choose);

// What stands for each node, by id, with the places of all that it says.
using NodeDefinitions = std::map<std::string, std::shared_ptr<const BundleDefinition>>;

// A graph with what is wrong in its bundles, for whoever reports all at once.
struct Expansion {
  Graph graph;                     // A bundle with errors is a node without edges.
  std::vector<Diagnostic> errors;  // Those of RequirementsOf.
  NodeDefinitions definitions;
};

// As Expand, but errors of RequirementsOf are part of the result.
absl::StatusOr<Expansion> ExpandAll(std::shared_ptr<const BundleDefinition> root,
                                    const ExpandOptions& options, const Chooser& choose,
                                    const Foresight& foresee = nullptr);

}  // namespace deps

#endif  // DEPS_LIB_EXPAND_EXPAND_H_
