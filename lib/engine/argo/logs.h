// What the tasks of a workflow printed. Private to this package.
#ifndef DEPS_LIB_ENGINE_ARGO_LOGS_H_
#define DEPS_LIB_ENGINE_ARGO_LOGS_H_

#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "lib/engine/argo/api.h"
#include "lib/engine/engine.h"

namespace deps {

// Task by task in the plan's order, of each one attempt after the other; of
// `query.tail` lines those of the last attempt. Where it follows, a task's log
// ends with the task, and a connection that is lost goes on after the last line.
absl::Status ReadArgoLogs(ArgoApi& api, const std::string& name, const LogQuery& query,
                          const std::function<void(absl::Duration)>& sleep,
                          const std::function<absl::Status(const LogLine&)>& line);

}  // namespace deps

#endif  // DEPS_LIB_ENGINE_ARGO_LOGS_H_
