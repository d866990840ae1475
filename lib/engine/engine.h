// An engine runs plans on other machines: one interface, which programs named
// deps-engine-NAME serve (serve.h) and deps-run uses (plugin.h).
// README.md in this folder is the protocol between the two.
#ifndef DEPS_LIB_ENGINE_ENGINE_H_
#define DEPS_LIB_ENGINE_ENGINE_H_

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "lib/diag/diagnostic.h"
#include "lib/json/json.h"
#include "lib/model/plan.h"
#include "lib/model/workflow.h"

namespace deps {

// The version of the protocol that this is.
inline constexpr int kEngineProtocol = 1;

// What an engine can do. deps-run asks for nothing that is not said here.
struct EngineCapabilities {
  bool render = false;           // Shows its own documents without side effects.
  bool logs = false;             // What tasks print.
  bool logs_follow = false;      // As they print it.
  bool watch = false;            // Tells of changes; else its status is polled.
  bool parallelism = false;      // Keeps to EngineOptions::jobs.
  bool retries = false;          // Retries tasks by itself.
  bool timeout = false;          // Ends tasks that take too long.
  bool detached = false;         // Goes on where deps-run ends.
  bool secrets_in_task = false;  // Secrets are read where the task runs.
  int64_t max_plan_bytes = 0;    // 0: no bound of its own.
  bool operator==(const EngineCapabilities&) const = default;
};

struct EngineInfo {
  std::string name;     // NAME of deps-engine-NAME.
  std::string version;  // Of the program.
  std::vector<int64_t> protocols;
  EngineCapabilities capabilities;
  JsonText config_schema;  // A JSON Schema of what `config` may hold.
  bool operator==(const EngineInfo&) const = default;
};

struct EngineOptions {
  std::string driver;  // As --driver has it; "" leaves it to the engine.
  int64_t jobs = 0;    // 0: as many as the engine likes.
  int64_t retries = 0;
  int64_t timeout_seconds = 0;  // Of a task; 0: none.
  bool fail_fast = false;
  bool operator==(const EngineOptions&) const = default;
};

// What is to be run. `id` and `revision` name it: a workflow that is resumed is
// submitted again as the residual plan with the next revision.
struct EngineRun {
  std::string id;  // The workflow's ULID.
  int64_t revision = 1;
  Plan plan;
  EngineOptions options;
  bool operator==(const EngineRun&) const = default;
};

struct EngineFile {
  std::string name;  // "workflow.yaml"
  std::string media_type;
  std::string text;
  bool operator==(const EngineFile&) const = default;
};

struct Submitted {
  std::string run;  // The engine's own name of the run, opaque to others.
  bool already = false;
  bool operator==(const Submitted&) const = default;
};

struct EngineStatus {
  // Tasks that the engine does not know are "unknown", with guidance in
  // `message`. Attempts count from 1 within the run.
  Workflow workflow;
  std::map<std::string, std::string> native;  // Task -> the engine's name of it.
  std::string cursor;                         // Moves on with each change; opaque.
  bool operator==(const EngineStatus&) const = default;
};

struct LogQuery {
  std::string run;
  std::string task;  // "": all, one after the other.
  bool follow = false;
  int64_t tail = 0;  // Only the last lines; 0: all.
  bool operator==(const LogQuery&) const = default;
};

struct LogLine {
  std::string time;  // RFC 3339; "" where the engine does not know.
  std::string task;
  std::string text;
  bool operator==(const LogLine&) const = default;
};

struct CancelRequest {
  std::string run;
  bool force = false;
  int64_t grace_seconds = 30;
  bool operator==(const CancelRequest&) const = default;
};

// Every member may be called again after it failed half-way, and does the same
// then. Errors: engine-unavailable (another try may help), engine-denied,
// engine-refused, engine-unsupported, engine-conflict (Submit), engine-unknown-run
// (where a run is named); of a plugin also engine-protocol.
class Engine {
 public:
  virtual ~Engine() = default;
  // Asks nobody.
  virtual absl::StatusOr<EngineInfo> Info() = 0;
  // Whether the engine can be reached and used; warnings and notes about it.
  virtual absl::StatusOr<std::vector<Diagnostic>> Check() = 0;
  // The same, and what stands against this run: diagnostics of severity error where
  // the engine would refuse it. Nothing is kept of it. Asks once.
  virtual absl::StatusOr<std::vector<Diagnostic>> CheckRun(const EngineRun& run) = 0;
  // The engine's own documents. No side effects; the same run gives the same bytes.
  virtual absl::StatusOr<std::vector<EngineFile>> Render(const EngineRun& run) = 0;
  // Idempotent on (id, revision): the same plan gives the same run, another one
  // is refused.
  virtual absl::StatusOr<Submitted> Submit(const EngineRun& run) = 0;
  virtual absl::StatusOr<EngineStatus> Status(const std::string& run) = 0;
  // Calls `changed` with each new status until that returns false or the run has
  // ended. `cursor` is that of the last status that was seen.
  virtual absl::Status Watch(const std::string& run, const std::string& cursor,
                             const std::function<bool(const EngineStatus&)>& changed) = 0;
  // Fine too where the run has ended or is gone.
  virtual absl::Status Cancel(const CancelRequest& request) = 0;
  virtual absl::Status Logs(const LogQuery& query,
                            const std::function<absl::Status(const LogLine&)>& line) = 0;
  // Forgets a run that has ended; fine too where it is gone.
  virtual absl::Status Delete(const std::string& run) = 0;
};

}  // namespace deps

#endif  // DEPS_LIB_ENGINE_ENGINE_H_
