// Names that an interface gives to what a bundle calls otherwise.
#ifndef DEPS_LIB_PLAN_INTERFACE_NAMES_H_
#define DEPS_LIB_PLAN_INTERFACE_NAMES_H_

#include <map>
#include <string>

#include "lib/model/graph.h"

namespace deps {

// What `node`'s bundle calls the output that the interface of `edge` calls
// `name`: what the solution says, else the one with the $id that the interface
// document gives it, else `name` itself (PEP003 rule 6). The first by name where
// several have it.
std::string OutputName(const Node& node, const std::string& name, const Edge* edge);

// What wires the input that a bundle calls `name`: the entry of `wiring` of that
// name, or of the interface's name for it (`names`: the interface's -> the
// bundle's). nullptr where there is none.
const std::string* WiringOf(const std::map<std::string, std::string>& wiring,
                            const std::map<std::string, std::string>& names,
                            const std::string& name);

}  // namespace deps

#endif  // DEPS_LIB_PLAN_INTERFACE_NAMES_H_
