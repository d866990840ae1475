// Names that an interface gives to what a bundle calls otherwise.
#ifndef DEPS_LIB_PLAN_INTERFACE_NAMES_H_
#define DEPS_LIB_PLAN_INTERFACE_NAMES_H_

#include <string>

#include "lib/model/graph.h"

namespace deps {

// What `node`'s bundle calls the output that the interface of `edge` calls
// `name`: the one with the $id that the interface document gives it, else
// `name` itself (PEP003 rule 6). The first by name where several have it.
std::string OutputName(const Node& node, const std::string& name, const Edge* edge);

}  // namespace deps

#endif  // DEPS_LIB_PLAN_INTERFACE_NAMES_H_
