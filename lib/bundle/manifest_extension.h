// What Porter makes of the dependencies of a porter.yaml in bundle.json: the
// object org.getporter.dependencies@v2. Source: Porter's converter from
// manifests to bundles, with the flag dependencies-v2. Templates stay as they
// are written; references are not pinned, which is a step of Porter's build.
#ifndef DEPS_LIB_BUNDLE_MANIFEST_EXTENSION_H_
#define DEPS_LIB_BUNDLE_MANIFEST_EXTENSION_H_

#include <string>
#include <vector>

#include "lib/json/json.h"
#include "lib/model/bundle.h"

namespace deps {

class ManifestExtension {
 public:
  // Adds the dependency that was read from `entry`. Of several with one name the
  // last one counts.
  void Add(const Dependency& dependency, const json::Value& entry);

  json::Value Finish(const std::vector<std::string>& provides);

 private:
  json::Value requires_ = json::Value::Object();
};

}  // namespace deps

#endif  // DEPS_LIB_BUNDLE_MANIFEST_EXTENSION_H_
