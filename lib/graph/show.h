// A Graph or a Solution as people and other programs see it.
#ifndef DEPS_LIB_GRAPH_SHOW_H_
#define DEPS_LIB_GRAPH_SHOW_H_

#include <string>
#include <string_view>
#include <vector>

#include "lib/draw/picture.h"
#include "lib/model/graph.h"

namespace deps {

// As `format` says: "tree", "dot", "mermaid", "svg" or "html". `color` is for
// the tree alone.
std::string ShowGraph(const Graph& graph, std::string_view format, bool color);

// A picture for the terminal: a line for each requirement, by alias, with name,
// version, range and group of what stands for it, and in a Solution why, or
// which installation is reused. What hangs on a node is shown where the node
// comes first; afterwards the node has "(shared)" behind it. Where there is no
// solution, the explanation. UTF-8; control characters of bundles as escapes.
std::string FormatTree(const Graph& graph, bool color = false);

// A proof as lines for people: the sentences of its only step, or each step with
// its number and what it follows from. What the last one says is the headline
// to them.
std::vector<std::string> ExplanationLines(const std::vector<Explanation>& steps);

// Requires edges solid with their range, wiring dashed; the root first, then
// the nodes by id.
Picture PictureOf(const Graph& graph);

}  // namespace deps

#endif  // DEPS_LIB_GRAPH_SHOW_H_
