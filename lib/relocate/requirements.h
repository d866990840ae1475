// What a bundle.json requires, and its rewriting: the only part of a bundle
// that relocation changes.
//
// Source: Porter's dependencies, v1 (`io.cnab.dependencies`) and v2
// (`org.getporter.dependencies@v2`).
#ifndef DEPS_LIB_RELOCATE_REQUIREMENTS_H_
#define DEPS_LIB_RELOCATE_REQUIREMENTS_H_

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "lib/diag/source.h"
#include "lib/json/json.h"

namespace deps {

struct WrittenRequirement {
  std::string alias;
  std::string reference;  // As written; "" where there is only an interface.
  std::string version;    // A range; v1's ranges joined by "||"; "" where any will do.
  bool prereleases = false;
  bool operator==(const WrittenRequirement&) const = default;
};

// Sorted by alias; v2 where it is there, else v1.
// Errors: document-type, at the value that is not what it should be.
absl::StatusOr<std::vector<WrittenRequirement>> WrittenRequirementsOf(const Source& source,
                                                                      const json::Value& bundle);

// Makes `bundle` of each requirement named in `references` (alias -> reference)
// that reference, in both forms. Returns whether anything is different now.
bool RewriteRequirements(const std::map<std::string, std::string>& references, json::Value* bundle);

}  // namespace deps

#endif  // DEPS_LIB_RELOCATE_REQUIREMENTS_H_
