// A graph as people and other programs see it.
#ifndef DEPS_LIB_GRAPH_SHOW_H_
#define DEPS_LIB_GRAPH_SHOW_H_

#include <string>

#include "lib/json/json.h"
#include "lib/model/bundle.h"
#include "lib/model/graph.h"

namespace deps {

// A picture for the terminal: a line a dependency, with name, version and
// group. What hangs on a node is shown where the node comes first; afterwards
// the node has "(shared)" behind it. UTF-8; control characters as escapes.
std::string FormatTree(const Graph& graph);

// The language of Graphviz: requires edges solid, wiring dashed.
std::string FormatDot(const Graph& graph);

// The language of Mermaid, the same picture.
std::string FormatMermaid(const Graph& graph);

// A picture without scripts, in columns from what needs to what is needed, and
// a page around it with a table of the nodes. The graph must have no cycle, as
// MakeGraph's have none.
std::string FormatSvg(const Graph& graph);
std::string FormatHtml(const Graph& graph);

// The object org.getporter.dependencies@v2 of a bundle, as Porter writes it:
// `sharing` and `document` always with their empty objects.
std::string FormatExtension(const BundleDefinition& bundle, json::Style style);

}  // namespace deps

#endif  // DEPS_LIB_GRAPH_SHOW_H_
