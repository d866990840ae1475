// From a bundle's own files to what the toolkit knows of it.
#ifndef DEPS_LIB_BUNDLE_READ_H_
#define DEPS_LIB_BUNDLE_READ_H_

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "lib/diag/diagnostic.h"
#include "lib/diag/source.h"
#include "lib/model/bundle.h"

namespace deps {

// More than any real one has, and little enough to be held as a tree.
inline constexpr size_t kMaxBundleBytes = size_t{32} << 20;

// Reads a bundle.json (CNAB 101) with its dependencies extension: v2
// (`org.getporter.dependencies@v2`) where it is there, else v1
// (`io.cnab.dependencies`). Members that are not read are ignored: other tools
// extend bundles. `bundle.digest` is the SHA-256 of the canonical text. The
// document of an interface has with each item the members of the definition
// that the item names ("type", "$id", …), which are in the bundle otherwise.
//
// Errors: those of json::Parse, with a limit of kMaxBundleBytes; bundle-invalid, reference-invalid,
// document-type, document-member; all that the file has, located.
absl::StatusOr<BundleDefinition> ReadBundleJson(const Source& source);

// Reads a porter.yaml, schema 1.x: what Porter would make of it in bundle.json.
// Members are ignored as above, but not misspelt ones of dependencies. A parameter is
// required where it has neither a default nor a source. What the bundle's own
// actions read of dependencies (${bundle.dependencies.ALIAS.outputs.NAME} outside
// the section of dependencies) are parameters as Porter calls them,
// porter-ALIAS-NAME-dep-output. `bundle.digest` is "": there is no bundle yet.
// Two dependencies of one name are kept (lib/expand tells of them with the rest).
// Errors: yaml-…, bundle-invalid, reference-invalid, document-…; with line and
// column.
absl::StatusOr<BundleDefinition> ReadPorterYaml(const Source& source);

// The same for whoever reports all at once: `mistakes` gets what is wrong in
// entries that have a name, and the rest of the bundle is read. What is wrong at
// a place may lead to more that seems to be wrong there, and nowhere else.
// Errors: those of ReadPorterYaml where other entries cannot be judged.
absl::StatusOr<BundleDefinition> ReadPorterYaml(const Source& source,
                                                std::vector<Diagnostic>* mistakes);

}  // namespace deps

#endif  // DEPS_LIB_BUNDLE_READ_H_
