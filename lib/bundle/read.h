// From a bundle's own files to what the toolkit knows of it.
#ifndef DEPS_LIB_BUNDLE_READ_H_
#define DEPS_LIB_BUNDLE_READ_H_

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "lib/diag/source.h"
#include "lib/model/bundle.h"

namespace deps {

// Reads a bundle.json (CNAB 101) with its dependencies extension: v2
// (`org.getporter.dependencies@v2`) where it is there, else v1
// (`io.cnab.dependencies`). Members that are not read are ignored: other tools
// extend bundles. `bundle.digest` is the SHA-256 of the canonical text.
//
// Errors: those of json::Parse; bundle-invalid, reference-invalid,
// document-type, document-member; all that the file has, located.
absl::StatusOr<BundleDefinition> ReadBundleJson(const Source& source);

// Reads a porter.yaml, schema 1.0.x and 1.1.0, both forms of dependencies.
// Errors: yaml-syntax, yaml-duplicate-key, bundle-invalid,
// graph-duplicate-alias, reference-invalid; with line and column.
absl::StatusOr<BundleDefinition> ReadPorterYaml(const Source& source);

}  // namespace deps

#endif  // DEPS_LIB_BUNDLE_READ_H_
