// The documents Graph (deps-graph) and Solution (deps-solve). A Solution is a
// Graph after resolution, so both are one type.
#ifndef DEPS_LIB_MODEL_GRAPH_H_
#define DEPS_LIB_MODEL_GRAPH_H_

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "lib/base/shared.h"
#include "lib/diag/source.h"
#include "lib/json/json.h"
#include "lib/model/bundle.h"

namespace deps {

// An installation by its unique key.
struct InstallationName {
  std::string name_space;  // "" is the global one.
  std::string name;
  bool operator==(const InstallationName&) const = default;
  auto operator<=>(const InstallationName&) const = default;
};

// What satisfies a node, and why.
struct Resolution {
  std::string kind;       // "bundle" | "installation"
  std::string by;         // "override" | "lock" | "installation" | "range" | "default" | "provider"
  std::string reference;  // REPO@sha256:…
  std::string tag;
  std::string version;
  std::string digest;
  std::optional<InstallationName> installation;
  std::string reason;  // One sentence.
  bool operator==(const Resolution&) const = default;
};

struct Node {
  std::string id;                  // The shortest path, the first in byte order among equals.
  std::vector<std::string> paths;  // All, sorted by length and bytes; "root", "root/infra", …
  std::string alias;               // "" for root.
  std::string reference;           // As required; "" where there is only an interface.
  Shared<Bundle> bundle;           // Absent where nothing was found.
  std::optional<Resolution> resolution;  // Only in a Solution; absent for root.
  bool operator==(const Node&) const = default;
};

// What the interface of a dependency calls otherwise than the bundle that was
// chosen for it: the interface's name -> the bundle's. Names that are the same
// are left out.
struct InterfaceNames {
  std::map<std::string, std::string> outputs;
  std::map<std::string, std::string> parameters;
  std::map<std::string, std::string> credentials;
  bool operator==(const InterfaceNames&) const = default;
};

// An edge points from what needs to what is needed.
struct Edge {
  enum class Kind { kRequires, kWiring };
  Kind kind = Kind::kRequires;
  std::string from;
  std::string to;
  // kRequires
  std::string alias;
  std::string reference;
  std::string version;
  bool prereleases = false;
  std::optional<Sharing> sharing;  // Always present for kRequires, with the group rendered.
  std::optional<JsonText> interface;
  std::map<std::string, std::string> parameters;
  std::map<std::string, std::string> credentials;
  std::map<std::string, std::string> outputs;
  // Outputs that the bundle reads in its own actions; sorted.
  std::vector<std::string> uses;
  InterfaceNames names;  // Only in a Solution.
  // kWiring: `field` ("parameters", "credentials", "outputs") `name` of `from`
  // takes `output` of `to`. For "outputs" `from` is the parent that promotes it.
  std::string field;
  std::string name;
  std::string output;
  bool operator==(const Edge&) const = default;
};

// One step of the proof that there is no solution; the last step ends it.
struct Explanation {
  std::string message;               // What follows.
  std::vector<std::string> because;  // From what it follows; sentences.
  std::vector<std::string> nodes;    // Paths of those that it speaks of.
  std::string hint;                  // A change that was tried and works; "": none is known.
  bool operator==(const Explanation&) const = default;
};

struct Graph {
  std::string root = "root";
  std::vector<Node> nodes;              // Sorted by id.
  std::vector<Edge> edges;              // Sorted by (from, to, kind, alias, field, name).
  std::vector<Diagnostic> diagnostics;  // Warnings that belong to the result.
  // Only in a Solution.
  std::string status;  // "" in a Graph; "solved" | "unsatisfiable".
  std::vector<Explanation> explanation;
  bool operator==(const Graph&) const = default;

  const Node* Find(std::string_view id) const;
};

// The same bytes for equal graphs. A Graph where status is "", else a Solution.
std::string FormatGraph(const Graph& graph, json::Style style = json::Style::kPretty);

// Reads a document of kind Graph; with `solution` one of kind Solution.
// Errors: those of json::Parse and json::ObjectReader, document-kind.
absl::StatusOr<Graph> ParseGraph(const Source& source);
absl::StatusOr<Graph> ParseSolution(const Source& source);

// Puts nodes, paths and edges into the documents' order.
void SortGraph(Graph* graph);

}  // namespace deps

#endif  // DEPS_LIB_MODEL_GRAPH_H_
