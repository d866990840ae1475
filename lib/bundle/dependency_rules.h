// What both files that declare dependencies, bundle.json and porter.yaml, have
// in common once their syntax is read.
#ifndef DEPS_LIB_BUNDLE_DEPENDENCY_RULES_H_
#define DEPS_LIB_BUNDLE_DEPENDENCY_RULES_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/diag/diagnostic.h"
#include "lib/json/json.h"
#include "lib/model/bundle.h"

namespace deps {

// The rules for one dependency that need nothing else: an alias that can be a
// step of a path, a well-formed reference, a bundle or an interface, not both a
// document and a reference of an interface. Diagnostics are without location;
// where one belongs to a member, its pointer tells it ("/bundle").
std::vector<Diagnostic> CheckDependency(const Dependency& dependency);

// `interface` in one spelling: {id, reference, document:{outputs, parameters,
// credentials}}, without what is empty; nullopt where nothing is left. Members
// of the document that stand beside it (as in PEP003's examples) go into it, and
// each item gets the members of the definition that it names in `definitions`
// (an object, or nullptr), unless it has them itself.
std::optional<json::Value> NormalInterface(const json::Value& interface,
                                           const json::Value* definitions);

// How a bundle says with whom a dependency is shared. Absent where it says
// nothing: Porter always writes {"group":{}}.
std::optional<Sharing> SharingOf(std::optional<Sharing::Mode> mode, std::string_view group);

}  // namespace deps

#endif  // DEPS_LIB_BUNDLE_DEPENDENCY_RULES_H_
