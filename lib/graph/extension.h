// The dependencies of a bundle as Porter's extension has them.
#ifndef DEPS_LIB_GRAPH_EXTENSION_H_
#define DEPS_LIB_GRAPH_EXTENSION_H_

#include <string>

#include "lib/json/json.h"
#include "lib/model/bundle.h"

namespace deps {

// The object org.getporter.dependencies@v2: of a porter.yaml what Porter makes
// of it, of a bundle.json what says the same (also for dependencies v1). Members
// are sorted, as Porter writes them into a bundle.json.
std::string FormatExtension(const BundleDefinition& bundle, json::Style style);

}  // namespace deps

#endif  // DEPS_LIB_GRAPH_EXTENSION_H_
