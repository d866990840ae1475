// When two requirements are one node.
#ifndef DEPS_LIB_EXPAND_IDENTITY_H_
#define DEPS_LIB_EXPAND_IDENTITY_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "lib/diag/diagnostic.h"
#include "lib/expand/expand.h"
#include "lib/expand/wiring.h"
#include "lib/model/bundle.h"

namespace deps {

// A dependency on its way to its key.
struct Candidate {
  Dependency dependency;  // With sharing present and its group rendered.
  std::vector<Wire> wires;
  std::string repository;  // HOST/PATH, or "" with only an interface.
};

// The group of `sharing` for a dependency of the node `parent`.
// Errors: template-invalid (malformed, or it reads what is not known yet).
absl::StatusOr<std::string> RenderGroup(const std::string& group, const std::string& parent,
                                        const Bundle& bundle, const ExpandOptions& options);

// The keys of one bundle's dependencies, in their order. Where siblings wire
// each other in a circle, they and what reads them are keyed as if unshared:
// there is no graph with them anyway.
std::vector<std::string> KeysOf(const std::string& parent, const Bundle& bundle,
                                const std::vector<Candidate>& candidates);

}  // namespace deps

#endif  // DEPS_LIB_EXPAND_IDENTITY_H_
