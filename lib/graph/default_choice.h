// Which bundle stands for a node where nobody has solved anything.
#ifndef DEPS_LIB_GRAPH_DEFAULT_CHOICE_H_
#define DEPS_LIB_GRAPH_DEFAULT_CHOICE_H_

#include <vector>

#include "lib/bundle/catalog.h"
#include "lib/expand/expand.h"

namespace deps {

// The default as MakeGraph tells. What goes wrong is among the diagnostics of
// the choice: errors, or with `keep_going` warnings where a bundle cannot be
// had.
NodeChoice ChooseDefault(Catalog& catalog, const std::vector<const Requirement*>& requirements,
                         bool keep_going);

}  // namespace deps

#endif  // DEPS_LIB_GRAPH_DEFAULT_CHOICE_H_
