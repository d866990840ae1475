// A process beside this one that starts programs for it, outlives it, and
// leaves how each of them ended. A program that was started goes on where this
// process dies, and is found again by the folder that it was given.
#ifndef DEPS_LIB_RUN_SUPERVISOR_H_
#define DEPS_LIB_RUN_SUPERVISOR_H_

#include <sys/types.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "lib/run/driver.h"
#include "lib/secrets/secret_buffer.h"

namespace deps {

struct SupervisedRun {
  std::vector<std::string> argv;          // argv[0] is a path.
  std::vector<SecretBuffer> environment;  // NAME=VALUE; the whole environment.
  std::vector<SecretBuffer> redacted;     // For what is kept of its output.
  // A folder that takes
  //   pid   the process, and between which clock ticks of the machine it began;
  //         empty where it is not to start any more
  //   exit  how it ended: the exit status as a decimal number and a newline
  //   log   what it printed after the runner had died, redacted and bounded
  std::string control;
};

class Supervisor {
 public:
  // Forks: to be called before this process has threads of its own, and best
  // while it is small. Errors: run-driver.
  static absl::StatusOr<std::unique_ptr<Supervisor>> Start();
  Supervisor(const Supervisor&) = delete;
  Supervisor& operator=(const Supervisor&) = delete;
  ~Supervisor();

  // Runs a program in a session of its own, to its end; then what it left of its
  // process group is killed. For several threads.
  // Where the supervisor dies, its programs are waited for all the same, and a
  // new one is started for the next. Errors: run-driver.
  absl::StatusOr<RunEnd> Run(const SupervisedRun& run, const RunWatch& watch);

 private:
  Supervisor() = default;
  absl::Status Fork() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::StatusOr<int> Connect();
  absl::StatusOr<std::optional<RunEnd>> Try(const SupervisedRun& run, const RunWatch& watch);

  absl::Mutex mutex_;
  int socket_ ABSL_GUARDED_BY(mutex_) = -1;
  pid_t pid_ ABSL_GUARDED_BY(mutex_) = -1;
  std::vector<int> idle_ ABSL_GUARDED_BY(mutex_);  // Connections.
};

// The process that `control` tells of, where it still runs.
std::optional<pid_t> SupervisedProcess(const std::string& control);

// Goes on with a run that another process's supervisor was asked for: its
// further output, and its end. Absent where it never started, and then it never
// will, or where nothing tells how it ended.
absl::StatusOr<std::optional<RunEnd>> AttachSupervised(const std::string& control,
                                                       const RunWatch& watch);

}  // namespace deps

#endif  // DEPS_LIB_RUN_SUPERVISOR_H_
