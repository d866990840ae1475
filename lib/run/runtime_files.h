// The documents that a run tool finds in its container (CNAB 103), and Porter's
// documents about a run.
#ifndef DEPS_LIB_RUN_RUNTIME_FILES_H_
#define DEPS_LIB_RUN_RUNTIME_FILES_H_

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "lib/json/json.h"
#include "lib/model/plan.h"
#include "lib/state/store.h"

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
// /cnab/app/relocation-mapping.json: the entries of `mapping` for images of the
// bundle; "" where there is none.
std::string RelocationFile(const Bundle& bundle, const std::map<std::string, std::string>& mapping);
// /cnab/claim.json: the claim of this operation, without sensitive parameters.
std::string ClaimFile(const PlannedTask& task, const RunRecord& record);

// Porter's documents, storage schema 1.0.2.
std::string RunDocument(const PlannedTask& task, const RunRecord& record);
std::string ResultDocument(const PlannedTask& task, const RunRecord& record,
                           const TaskResult& result);

// NAMESPACE/NAME, or NAME in the global namespace.
std::string QualifiedName(const InstallationName& name);

// The part of a reference before its tag or digest.
std::string RepositoryOfReference(std::string_view reference);

// The installation after a run that ended with `status`; `before` may be empty.
Installation ApplyRun(const std::optional<Installation>& before, const PlannedTask& task,
                      const RunRecord& record, const TaskResult& result);

// Whether the action changes the installation: all standard ones do.
bool Modifies(const PlannedTask& task);

}  // namespace deps

#endif  // DEPS_LIB_RUN_RUNTIME_FILES_H_
