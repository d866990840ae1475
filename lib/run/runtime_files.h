// What of a run tool's documents is the runner's alone, and Porter's documents
// about a run. The others are in lib/agent/bundle_files.h.
#ifndef DEPS_LIB_RUN_RUNTIME_FILES_H_
#define DEPS_LIB_RUN_RUNTIME_FILES_H_

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "lib/agent/bundle_files.h"
#include "lib/json/json.h"
#include "lib/model/plan.h"
#include "lib/state/store.h"

namespace deps {

// /cnab/app/relocation-mapping.json: the entries of `mapping` for images of the
// bundle; "" where there is none.
std::string RelocationFile(const Bundle& bundle, const std::map<std::string, std::string>& mapping);

// Porter's documents, storage schema 1.0.2.
std::string RunDocument(const PlannedTask& task, const RunRecord& record);
std::string ResultDocument(const PlannedTask& task, const RunRecord& record,
                           const TaskResult& result);

// The part of a reference before its tag or digest.
std::string RepositoryOfReference(std::string_view reference);

// The installation after a run that ended with `status`; `before` may be empty.
Installation ApplyRun(const std::optional<Installation>& before, const PlannedTask& task,
                      const RunRecord& record, const TaskResult& result);

// Whether the action changes the installation: all standard ones do.
bool Modifies(const PlannedTask& task);

}  // namespace deps

#endif  // DEPS_LIB_RUN_RUNTIME_FILES_H_
