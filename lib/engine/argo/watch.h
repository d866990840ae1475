// Watching one workflow over a stream that may be lost at any time. Private to
// this package.
#ifndef DEPS_LIB_ENGINE_ARGO_WATCH_H_
#define DEPS_LIB_ENGINE_ARGO_WATCH_H_

#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "lib/engine/argo/client.h"
#include "lib/json/json.h"

namespace deps {

// Of a watch: after it the stream is asked for anew and a sign of life is given.
inline constexpr absl::Duration kWatchSilence = absl::Seconds(10);
// Of a log that is followed.
inline constexpr absl::Duration kLogSilence = absl::Seconds(60);

struct WatchStart {
  std::string version;  // From where on changes are told.
  json::Value workflow;
};

struct WatchSource {
  // The workflow as it is.
  std::function<absl::StatusOr<WatchStart>()> list;
  // Where its changes after a version are told.
  std::function<std::string(const std::string& version)> path;
  // What is in front of each event, as Argo Server has it.
  std::string prefix = {};
  std::string accept = "application/json";
};

// Lists, then follows the stream of events {type, object}: ADDED and MODIFIED
// are given to `changed`, BOOKMARK moves the version on. Where the server has
// forgotten the version (410), or the stream is no events, it lists again; where
// it breaks off or falls silent it goes on from the last version.
// Ends where `changed` returns false. Errors: engine-unknown-run (DELETED);
// those of the server, after some tries.
absl::Status WatchWorkflow(ArgoClient& client, const WatchSource& source,
                           const std::function<bool(const json::Value*)>& changed);

}  // namespace deps

#endif  // DEPS_LIB_ENGINE_ARGO_WATCH_H_
