// The templates of one bundle's dependencies, parsed and checked.
#ifndef DEPS_LIB_EXPAND_WIRING_H_
#define DEPS_LIB_EXPAND_WIRING_H_

#include <string>
#include <vector>

#include "lib/diag/diagnostic.h"
#include "lib/model/bundle.h"
#include "lib/template/template.h"

namespace deps {

// One entry of a dependency's parameters, credentials or outputs.
struct Wire {
  std::string field;  // "parameters", "credentials", "outputs"
  std::string name;
  std::vector<TemplatePart> parts;
};

// The entries of one dependency: parameters, credentials, outputs, each by
// name. In `outputs` the long form of the dependency's own outputs
// (bundle.dependencies.SELF.outputs.X) is the same as outputs.X.
//
// Adds to `errors`, each at its place: template-invalid, graph-unknown-alias,
// graph-self-reference, graph-root-output, graph-unknown-name.
std::vector<Wire> WiresOf(const BundleDefinition& bundle, const Dependency& dependency,
                          std::vector<Diagnostic>* errors);

}  // namespace deps

#endif  // DEPS_LIB_EXPAND_WIRING_H_
