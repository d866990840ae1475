// The documents that a run tool finds in its container (CNAB 103).
#ifndef DEPS_LIB_AGENT_BUNDLE_FILES_H_
#define DEPS_LIB_AGENT_BUNDLE_FILES_H_

#include <map>
#include <string>

#include "lib/json/json.h"
#include "lib/model/plan.h"

namespace deps {

// What identifies one run of a task, and what may be told of its inputs.
struct RunRecord {
  std::string run_id;     // ULID
  std::string result_id;  // ULID
  std::string revision;   // ULID
  std::string created;
  // The bundle.json as its author wrote it; "" where that is not to be had.
  std::string bundle_json;
  // Parameters that are not sensitive.
  std::map<std::string, JsonText> parameters;
};

// The bundle.json as far as it is known. Compact.
std::string BundleFile(const Bundle& bundle);
// /cnab/app/image-map.json: the bundle's images.
std::string ImageMapFile(const Bundle& bundle);
// /cnab/claim.json: the claim of this operation, without sensitive parameters.
std::string ClaimFile(const PlannedTask& task, const RunRecord& record);

// NAMESPACE/NAME, or NAME in the global namespace.
std::string QualifiedName(const InstallationName& name);

}  // namespace deps

#endif  // DEPS_LIB_AGENT_BUNDLE_FILES_H_
