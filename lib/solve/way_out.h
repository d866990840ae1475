// What a user could change so that there is a solution.
#ifndef DEPS_LIB_SOLVE_WAY_OUT_H_
#define DEPS_LIB_SOLVE_WAY_OUT_H_

#include <string>

#include "lib/solve/attempt.h"

namespace deps {

// A sentence with at most two changes, each of which was tried and gives a
// solution: a --use for one of the packages that the proof speaks of, or what
// the command line could leave out. Where nothing of the kind is known, "" or,
// for an interface that nobody provides, how a bundle can be named.
//
// At most 24 searches. What cannot be looked up for them is not offered.
std::string WayOut(const Attempt& failed, const Attempts& attempts);

}  // namespace deps

#endif  // DEPS_LIB_SOLVE_WAY_OUT_H_
