// RequirementsOf for whoever reports all at once: what can be had in spite of errors.
#ifndef DEPS_LIB_EXPAND_REQUIREMENTS_H_
#define DEPS_LIB_EXPAND_REQUIREMENTS_H_

#include <string>
#include <vector>

#include "lib/diag/diagnostic.h"
#include "lib/expand/expand.h"
#include "lib/model/bundle.h"

namespace deps {

struct Required {
  std::vector<Requirement> requirements;  // As far as they make sense; by alias.
  std::vector<Diagnostic> errors;
};

// Of dependencies with the same alias the first is kept; a malformed range is
// any; what cannot be found at all is left out.
Required ReadRequirements(const std::string& parent, const BundleDefinition& bundle,
                          const ExpandOptions& options);

}  // namespace deps

#endif  // DEPS_LIB_EXPAND_REQUIREMENTS_H_
