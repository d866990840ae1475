// The documents that a run tool finds in its container (CNAB 103).
#ifndef DEPS_LIB_AGENT_BUNDLE_FILES_H_
#define DEPS_LIB_AGENT_BUNDLE_FILES_H_

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "lib/json/json.h"
#include "lib/model/plan.h"

namespace deps {

inline constexpr char kBundleFilePath[] = "/cnab/bundle.json";
inline constexpr char kImageMapFilePath[] = "/cnab/app/image-map.json";
inline constexpr char kClaimFilePath[] = "/cnab/claim.json";
// Porter's: the bundle.json of a dependency.
std::string DependencyFilePath(std::string_view alias);

// As CNAB has it: a path that is not absolute begins at the root.
std::string AbsolutePath(std::string path);
// Whether an item with this `applyTo` counts for `action`.
bool AppliesTo(const std::vector<std::string>& apply_to, const std::string& action);
// Where the run tool of `task` finds files that the agent makes: CNAB's own and
// those of inputs, sorted. Without what can be no mount of its own: a path that is
// not a plain one, or lies below another file, the outputs, or an engine's /deps.
std::vector<std::string> FilesOfTask(const PlannedTask& task,
                                     const std::vector<std::string>& dependencies);

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
