// A Solution for people.
#ifndef DEPS_LIB_SOLVE_SOLUTION_TREE_H_
#define DEPS_LIB_SOLVE_SOLUTION_TREE_H_

#include <string>

#include "lib/model/graph.h"

namespace deps {

// A line for each requirement, indented below its parent: alias, what stands
// for it, and why. What a shared node needs is shown once. Without a solution
// the explanation.
std::string FormatSolutionTree(const Graph& solution);

}  // namespace deps

#endif  // DEPS_LIB_SOLVE_SOLUTION_TREE_H_
