// What all pictures of a graph say of its nodes.
#ifndef DEPS_LIB_GRAPH_DESCRIBE_H_
#define DEPS_LIB_GRAPH_DESCRIBE_H_

#include <string>

#include "lib/model/graph.h"

namespace deps {

// "mysql 5.7.1": what stands for the node, "" where nothing does.
std::string BundleText(const Node& node);

// "example.com/mysql not found": what is missing where nothing stands for it.
std::string MissingText(const Node& node);

// "dev/mysql"; of the global namespace "/mysql".
std::string InstallationText(const InstallationName& name);

}  // namespace deps

#endif  // DEPS_LIB_GRAPH_DESCRIBE_H_
