#include "lib/engine/argo/logs.h"

#include <map>
#include <string_view>
#include <utility>

#include "lib/base/status_macros.h"
#include "lib/diag/diagnostic.h"
#include "lib/engine/argo/run.h"

namespace deps {
namespace {

constexpr absl::Duration kPoll = absl::Seconds(1);

// The log of one pod, also over several connections.
class PodLog {
 public:
  PodLog(std::string task, ArgoLogQuery query) : task_(std::move(task)), query_(std::move(query)) {}

  // Gives what is new since the last call.
  absl::Status Read(ArgoApi& api, const std::function<absl::Status(const LogLine&)>& line) {
    skip_ = at_last_;
    seen_ = 0;
    query_.since = last_;
    return api.Logs(query_, [&](std::string_view text) { return Take(text, line); });
  }

 private:
  absl::Status Take(std::string_view text,
                    const std::function<absl::Status(const LogLine&)>& line) {
    LogLine told = {.task = task_, .text = std::string(text)};
    const size_t space = text.find(' ');
    absl::Time time;
    std::string error;
    if (absl::ParseTime(absl::RFC3339_full, text.substr(0, space), &time, &error)) {
      told.time = std::string(text.substr(0, space));
      told.text = space == std::string_view::npos ? "" : std::string(text.substr(space + 1));
      // The server knows whole seconds only: it tells some lines again.
      if (time < last_ || (time == last_ && ++seen_ <= skip_)) return absl::OkStatus();
      at_last_ = time == last_ ? at_last_ + 1 : 1;
      last_ = time;
    }
    // The tail was for the first call.
    query_.tail = 0;
    return line(told);
  }

  const std::string task_;
  ArgoLogQuery query_;
  absl::Time last_ = absl::InfinitePast();
  size_t at_last_ = 0;  // Lines that were told of `last_`.
  size_t skip_ = 0;
  size_t seen_ = 0;
};

bool HasEnded(const EngineStatus& status, const std::string& task) {
  for (const WorkflowTask& found : status.workflow.tasks) {
    if (found.id == task) return found.status != "pending" && found.status != "running";
  }
  return true;
}

class LogReader {
 public:
  LogReader(ArgoApi& api, const LogQuery& query,
            const std::function<absl::Status(const LogLine&)>& line)
      : api_(api), query_(query), line_(line) {}

  // Gives what `task` has to tell now.
  absl::Status ReadTask(const ArgoRun& run, const ArgoRun::Task& task) {
    DEPS_ASSIGN_OR_RETURN(const ArgoPods pods, api_.Pods(run.resource()));
    std::map<int, std::string> attempts;
    for (const ArgoPod& pod : pods.pods) {
      int attempt = 0;
      const ArgoRun::Task* const owner = run.TaskOfNode(pod.node, &attempt);
      if (owner != nullptr && owner->id == task.id) attempts[attempt] = pod.name;
    }
    for (const auto& [attempt, pod] : attempts) {
      if (query_.tail > 0 && attempt != attempts.rbegin()->first) continue;
      auto log = logs_.find(pod);
      if (log == logs_.end()) {
        log = logs_
                  .emplace(pod, PodLog(task.id, {.workflow = run.name(),
                                                 .pod = pod,
                                                 .follow = query_.follow,
                                                 .tail = query_.tail}))
                  .first;
      }
      const absl::Status status = log->second.Read(api_, line_);
      // A pod that was deleted took its log with it; there may be others.
      if (!HasId(status, DiagnosticId::kEngineUnknownRun)) DEPS_RETURN_IF_ERROR(status);
    }
    return absl::OkStatus();
  }

 private:
  ArgoApi& api_;
  const LogQuery& query_;
  const std::function<absl::Status(const LogLine&)>& line_;
  std::map<std::string, PodLog> logs_;
};

}  // namespace

absl::Status ReadArgoLogs(ArgoApi& api, const std::string& name, const LogQuery& query,
                          const std::function<void(absl::Duration)>& sleep,
                          const std::function<absl::Status(const LogLine&)>& line) {
  LogReader reader(api, query, line);
  DEPS_ASSIGN_OR_RETURN(json::Value first, api.Get(name));
  DEPS_ASSIGN_OR_RETURN(ArgoRun run, ArgoRun::Read(std::move(first)));
  for (size_t i = 0; i < run.tasks().size();) {
    const ArgoRun::Task task = run.tasks()[i];
    if (!query.task.empty() && query.task != task.id) {
      ++i;
      continue;
    }
    // Before the log is read: what is printed until the end is in it.
    const bool ended = !query.follow || HasEnded(run.Status(), task.id);
    DEPS_RETURN_IF_ERROR(reader.ReadTask(run, task));
    if (ended) {
      ++i;
      continue;
    }
    sleep(kPoll);
    DEPS_ASSIGN_OR_RETURN(json::Value again, api.Get(name));
    DEPS_ASSIGN_OR_RETURN(run, ArgoRun::Read(std::move(again)));
  }
  return absl::OkStatus();
}

}  // namespace deps
