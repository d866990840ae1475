// What a parent wants of a dependency, and whether something offers it
// (PEP003 rule 6, contract section 5).
#ifndef DEPS_LIB_SOLVE_INTERFACE_MATCH_H_
#define DEPS_LIB_SOLVE_INTERFACE_MATCH_H_

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "lib/bundle/catalog.h"
#include "lib/model/bundle.h"
#include "lib/model/graph.h"

namespace deps {

struct WantedItem {
  std::string id;    // Well-known identifier; matches before the name.
  std::string type;  // "" is any.
  bool operator==(const WantedItem&) const = default;
};

struct Wants {
  std::map<std::string, WantedItem> outputs;
  std::map<std::string, WantedItem> parameters;
  std::map<std::string, WantedItem> credentials;
  std::string interface_id;  // To be among what the bundle provides; "" is none.
  bool operator==(const Wants&) const = default;
};

// The outputs that `parent` uses of `dependency`, in its wiring, in what it
// promotes and in its own actions, and its interface's items.
// Errors: template-invalid, bundle-invalid (an interface with a reference and a
// document, or of a wrong form); those of Catalog::Get for its reference.
absl::StatusOr<Wants> WantsOf(const BundleDefinition& parent, const Dependency& dependency,
                              Catalog& catalog);

// The items of its interface alone. Errors: as WantsOf.
absl::StatusOr<Wants> InterfaceOf(const Dependency& dependency, Catalog& catalog);

// What the interface calls otherwise than `offer`: items that match by $id. Of
// several in `offer` with the same $id the one of the same name, or the first.
InterfaceNames NamesFor(const Wants& wants, const Bundle& offer);

// What `offer` lacks: "the output \"x\"", …; empty where it has all. With
// `outputs_only` nothing else counts.
std::vector<std::string> Lacks(const Wants& wants, const BundleDefinition& offer,
                               bool outputs_only);

}  // namespace deps

#endif  // DEPS_LIB_SOLVE_INTERFACE_MATCH_H_
