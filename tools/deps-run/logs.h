// What the run tools of a workflow printed.
#ifndef DEPS_TOOLS_DEPS_RUN_LOGS_H_
#define DEPS_TOOLS_DEPS_RUN_LOGS_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "lib/state/store.h"

namespace deps {

// One log: of an attempt at a task.
struct LogPart {
  std::string task;
  std::string name;     // Of the log; unique.
  std::string heading;  // "root/app, attempt 2"
};

// What there is of a workflow's logs at a moment.
struct LogList {
  bool ended = false;  // Nothing more will come.
  // In the order of the workflow's tasks and their attempts. Those that have
  // written nothing may be in it.
  std::vector<LogPart> parts;
};

// Where the logs of one workflow are kept.
class LogSource {
 public:
  virtual ~LogSource() = default;
  virtual absl::StatusOr<LogList> List() = 0;
  // Gives `write` what follows after `offset` bytes, in pieces of any size.
  virtual absl::Status Read(const LogPart& part, uint64_t offset,
                            const std::function<void(std::string_view)>& write) = 0;
};

// The logs that attempts on this machine left below the folder `logs`. `store`
// outlives it.
std::unique_ptr<LogSource> MakeLocalLogs(Store& store, std::string workflow, std::string logs);

// Gives `write` whole logs of `task`, or of all where it is "". A heading stands
// before each where there may be several; each ends with a line's end. With
// `follow` goes on as they grow, until the workflow has ended; what two tasks
// print at a time comes in turns, then, each with its heading.
//
// Errors: state-unknown-workflow where there is no such task, before anything is
// written; those of the source.
absl::Status WriteLogs(LogSource& source, const std::string& task, bool follow,
                       const std::function<void(std::string_view)>& write);

}  // namespace deps

#endif  // DEPS_TOOLS_DEPS_RUN_LOGS_H_
