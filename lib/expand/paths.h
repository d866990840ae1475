// All paths from the root of a graph to each of its nodes.
#ifndef DEPS_LIB_EXPAND_PATHS_H_
#define DEPS_LIB_EXPAND_PATHS_H_

#include <cstddef>
#include <string>
#include <vector>

namespace deps {

// An edge from a parent, by index, under an alias.
struct PathStep {
  size_t from = 0;
  size_t to = 0;
  std::string alias;
};

struct NodePaths {
  std::vector<std::string> paths;  // Sorted by length and bytes; the first is the id.
  bool cut = false;                // There are more.
};

// For nodes 0 (the root) to `first_paths.size()` - 1. Of each node at most 1000
// paths are kept, the first ones, and fewer where that would be millions in
// all. Where the steps form a cycle each node has its `first_paths` entry only.
//
// Time: O(paths kept * log).
std::vector<NodePaths> PathsOf(const std::vector<std::string>& first_paths,
                               const std::vector<PathStep>& steps);

}  // namespace deps

#endif  // DEPS_LIB_EXPAND_PATHS_H_
