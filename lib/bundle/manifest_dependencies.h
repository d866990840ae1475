// The dependencies section of a porter.yaml.
#ifndef DEPS_LIB_BUNDLE_MANIFEST_DEPENDENCIES_H_
#define DEPS_LIB_BUNDLE_MANIFEST_DEPENDENCIES_H_

#include "lib/bundle/places.h"
#include "lib/diag/source.h"
#include "lib/json/json.h"
#include "lib/model/bundle.h"

namespace deps {

// Reads the member `dependencies` of `root`, if there, into the dependencies,
// what the bundle provides, and the extension. A member that is not known is an
// error where it looks like a misspelt one, and else ignored, as Porter does.
// Errors go to `reader`, that of `root`. False where an entry could not be told
// by its name.
bool ReadManifestDependencies(const Source& source, Places& places, json::Value& root,
                              json::ObjectReader& reader, BundleDefinition* result);

}  // namespace deps

#endif  // DEPS_LIB_BUNDLE_MANIFEST_DEPENDENCIES_H_
