// Circles among numbered things.
#ifndef DEPS_LIB_SOLVE_CIRCLE_H_
#define DEPS_LIB_SOLVE_CIRCLE_H_

#include <vector>

namespace deps {

// A circle that is reached from `start`, each member once, in the order of the
// edges; empty where there is none. Of a first one that is found no member is on
// a shorter one (of the first 32 members). `needs[i]` are the edges of i.
// Iterative. Time: O(edges).
std::vector<int> FindCircle(const std::vector<std::vector<int>>& needs, int start);

}  // namespace deps

#endif  // DEPS_LIB_SOLVE_CIRCLE_H_
