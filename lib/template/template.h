// Templates in wiring: text with ${…} that names a source.
//
//   ${bundle.parameters.NAME}  ${bundle.credentials.NAME}
//   ${bundle.dependencies.ALIAS.outputs.NAME}
//   ${outputs.NAME}                        the dependency's own; only in `outputs`
//   ${installation.name|namespace|id}  ${installation.root.id|name|namespace}
//   ${bundle.name|version|…}
//
// Source: PEP003, Porter's dependency wiring. A value that is exactly one
// reference without delimiters ("bundle.parameters.x") is one too, as in
// Porter. White space within the braces does not count; names of installation
// are matched without regard to case.
#ifndef DEPS_LIB_TEMPLATE_TEMPLATE_H_
#define DEPS_LIB_TEMPLATE_TEMPLATE_H_

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace deps {

struct TemplatePart {
  enum class Kind {
    kText,
    kParameter,         // Of the bundle that declares the wiring: `name`.
    kCredential,        // Of that bundle: `name`.
    kDependencyOutput,  // Of its dependency `alias`: `name`.
    kBundleOutput,      // Of that bundle itself; never allowed in a dependency's wiring.
    kOwnOutput,         // Of the dependency that is being wired: `name`.
    kInstallation,      // `name`: "name", "namespace", "id", "root.id", …, lower case.
    kBundle,            // `name`: "name", "version", …
  };
  Kind kind = Kind::kText;
  std::string text;  // kText: the literal text; else the reference, without delimiters.
  std::string alias;
  std::string name;
  size_t offset = 0;  // In the template's text.
  bool operator==(const TemplatePart&) const = default;
};

// Parts in order; adjacent text is one part; "" has no parts.
// Errors: template-invalid: an unclosed "${", an empty one, a name that is none
// of the above. The error has no line, and the byte as its column.
absl::StatusOr<std::vector<TemplatePart>> ParseTemplate(std::string_view text);

// The references to outputs of dependencies in text that may hold anything else,
// `${SHELL}` included.
std::vector<TemplatePart> FindDependencyOutputs(std::string_view text);

// Whether it is text alone.
bool IsLiteral(const std::vector<TemplatePart>& parts);

}  // namespace deps

#endif  // DEPS_LIB_TEMPLATE_TEMPLATE_H_
