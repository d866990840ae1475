#include "lib/engine/argo/watch.h"

#include <string_view>
#include <utility>

#include "absl/strings/strip.h"
#include "lib/base/status_macros.h"
#include "lib/diag/diagnostic.h"
#include "lib/diag/source.h"

namespace deps {
namespace {

using json::Value;

constexpr int kMaxFailures = 5;

class Watcher {
 public:
  Watcher(ArgoClient& client, const WatchSource& source,
          const std::function<bool(const Value*)>& changed)
      : client_(client), source_(source), changed_(changed) {}

  absl::Status Run() {
    for (int failures = 0; !enough_;) {
      progress_ = false;
      const absl::Status status = Round();
      if (enough_) break;
      if (status.ok() || progress_) failures = 0;
      if (!status.ok() &&
          (!HasId(status, DiagnosticId::kEngineUnavailable) || ++failures == kMaxFailures)) {
        return status;
      }
      if (!progress_) Tell(nullptr);
      // A server that ends each stream at once is not asked in a tight circle.
      client_.Sleep(ArgoClient::Pause(failures + 1));
    }
    return absl::OkStatus();
  }

 private:
  void Tell(const Value* workflow) { enough_ = enough_ || !changed_(workflow); }

  absl::Status Round() {
    if (version_.empty()) {
      DEPS_ASSIGN_OR_RETURN(WatchStart start, source_.list());
      version_ = std::move(start.version);
      Tell(&start.workflow);
      if (enough_) return absl::OkStatus();
    }
    const absl::StatusOr<ArgoAnswer> answer =
        client_.Stream(source_.path(version_), source_.accept, kWatchSilence,
                       [this](std::string_view line) { return TakeLine(line); });
    if (!answer.ok()) return answer.status();
    if (answer->status == 410) version_.clear();
    return answer->status == 0 || answer->status == 200 || answer->status == 410 ? absl::OkStatus()
                                                                                 : ErrorOf(*answer);
  }

  absl::Status TakeLine(std::string_view line) {
    if (!absl::ConsumePrefix(&line, source_.prefix)) return absl::OkStatus();
    absl::StatusOr<Value> parsed = json::Parse({"", std::string(line)});
    const Value* event = parsed.ok() ? &*parsed : nullptr;
    if (event != nullptr && event->Find("result") != nullptr) event = event->Find("result");
    const Value* const object = event == nullptr ? nullptr : event->Find("object");
    if (object == nullptr) return LoseVersion();
    const std::string type = TextIn(*event, {"type"});
    if (type == "ERROR") return LoseVersion();
    if (type == "DELETED") return ErrorOf({.status = 404, .body = Value::Null()});
    version_ = TextIn(*object, {"metadata", "resourceVersion"});
    if (type == "BOOKMARK") return absl::OkStatus();
    progress_ = true;
    Tell(object);
    // Only an error ends a stream.
    return enough_ ? absl::CancelledError() : absl::OkStatus();
  }

  // What was told is not known: the next round lists.
  absl::Status LoseVersion() {
    version_.clear();
    return MakeError({.id = DiagnosticId::kEngineUnavailable,
                      .message = "the server lost track of the workflow's changes"});
  }

  ArgoClient& client_;
  const WatchSource& source_;
  const std::function<bool(const Value*)>& changed_;
  std::string version_;
  bool enough_ = false;
  bool progress_ = false;
};

}  // namespace

absl::Status WatchWorkflow(ArgoClient& client, const WatchSource& source,
                           const std::function<bool(const Value*)>& changed) {
  return Watcher(client, source, changed).Run();
}

}  // namespace deps
