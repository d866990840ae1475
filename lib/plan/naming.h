// What the installations of a plan are called.
#ifndef DEPS_LIB_PLAN_NAMING_H_
#define DEPS_LIB_PLAN_NAMING_H_

#include <map>
#include <string>
#include <vector>

#include "lib/model/plan.h"
#include "lib/plan/node_table.h"

namespace deps {

// By place of node.
using Installations = std::vector<PlannedInstallation>;

// The installation of each node. Two nodes never get the same one: where
// a name is taken, the sharing group is added, then "-2", "-3", ….
// `chosen` names those of some nodes, by id.
//
// Labels say for whom an installation was made and, where it is shared, in which
// group; and which shared installations it uses.
//
// Source: bundles.md 1.8 and 2.6b (Porter's PARENT-ALIAS and ALIAS, labels).
Installations NameInstallations(const NodeTable& table, const InstallationName& root,
                                const std::map<std::string, std::string>& chosen);

// NAMESPACE/NAME; the global namespace is empty: "/NAME".
std::string DisplayName(const InstallationName& name);

}  // namespace deps

#endif  // DEPS_LIB_PLAN_NAMING_H_
