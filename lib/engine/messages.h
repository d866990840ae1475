// What goes between deps-run and the programs of engines: each message as one
// JSON object. Members that a reader does not know are ignored, so that either
// side may be newer; the documents within are read as strictly as ever.
#ifndef DEPS_LIB_ENGINE_MESSAGES_H_
#define DEPS_LIB_ENGINE_MESSAGES_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "lib/diag/diagnostic.h"
#include "lib/diag/source.h"
#include "lib/engine/engine.h"
#include "lib/json/json.h"

namespace deps {

inline constexpr std::string_view kEngineApiVersion = "cnab-deps/engine/v1";

enum class EngineVerb { kInfo, kCheck, kRender, kSubmit, kStatus, kWatch, kCancel, kLogs, kDelete };

// "info", …, in the order of the enumeration.
const std::vector<std::string_view>& EngineVerbNames();

// A request of any verb: only what belongs to it is set.
struct EngineRequest {
  EngineVerb verb = EngineVerb::kInfo;
  JsonText config;     // The engine's own settings; an object.
  EngineRun run;       // render, submit; check, where it has an id
  std::string ref;     // status, watch, delete
  std::string cursor;  // watch
  CancelRequest cancel;
  LogQuery logs;
};

std::string FormatRequest(const EngineRequest& request);
// Errors: those of json and of ParsePlan; document-kind where it is no request
// of this verb.
absl::StatusOr<EngineRequest> ParseRequest(EngineVerb verb, const Source& source);

// Responses. Those of watch and logs are lines, each a message; a line with
// neither status nor text shows that the engine lives.
std::string FormatInfo(const EngineInfo& info);
std::string FormatCheck(const std::vector<Diagnostic>& diagnostics);
std::string FormatRendered(const std::vector<EngineFile>& files);
std::string FormatSubmitted(const Submitted& submitted);
std::string FormatStatus(const EngineStatus& status);
std::string FormatWatchEvent(const EngineStatus& status);
std::string FormatLogLine(const LogLine& line);
std::string FormatHeartbeat(EngineVerb verb);  // watch, logs
std::string FormatDone(EngineVerb verb);       // cancel, delete
// Code, message and whether another try may help come from the status's id.
std::string FormatEngineError(const absl::Status& status);

// Each gives what an Error message tells as the error of its code, and anything
// else that is not the message as engine-protocol.
absl::StatusOr<EngineInfo> ParseInfo(const Source& source);
absl::StatusOr<std::vector<Diagnostic>> ParseCheck(const Source& source);
absl::StatusOr<std::vector<EngineFile>> ParseRendered(const Source& source);
absl::StatusOr<Submitted> ParseSubmitted(const Source& source);
absl::StatusOr<EngineStatus> ParseStatus(const Source& source);
// Absent for a heartbeat.
absl::StatusOr<std::optional<EngineStatus>> ParseWatchLine(const Source& source);
absl::StatusOr<std::optional<LogLine>> ParseLogLine(const Source& source);
absl::Status ParseDone(EngineVerb verb, const Source& source);

}  // namespace deps

#endif  // DEPS_LIB_ENGINE_MESSAGES_H_
