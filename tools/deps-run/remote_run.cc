#include "tools/deps-run/remote_run.h"

#include <algorithm>
#include <utility>

#include "absl/time/clock.h"
#include "lib/base/status_macros.h"
#include "lib/diag/diagnostic.h"

namespace deps {
namespace {

constexpr absl::Duration kFirstPoll = absl::Milliseconds(200);
constexpr absl::Duration kLastPoll = absl::Seconds(5);
constexpr absl::Duration kPatience = absl::Minutes(10);
// How soon a signal, an answer or the end is noticed.
constexpr absl::Duration kSlice = absl::Milliseconds(20);

}  // namespace

bool HasEnded(const std::string& status) { return status != "pending" && status != "running"; }

RemoteRun::RemoteRun(Engine& engine, std::string run)
    : engine_(engine), run_(std::move(run)), poll_(kFirstPoll), watcher_(&RemoteRun::Watch, this) {}

RemoteRun::~RemoteRun() {
  over_.store(true);
  watcher_.join();
}

bool RemoteRun::HasBegun(const std::string& task) {
  const absl::StatusOr<std::optional<WorkflowTask>> found = Find(task);
  return !found.ok() || (found->has_value() && (*found)->status != "pending");
}

absl::StatusOr<WorkflowTask> RemoteRun::Await(const std::string& task,
                                              const std::function<int()>& stop) {
  while (true) {
    DEPS_RETURN_IF_ERROR(HeedStop(stop()));
    DEPS_ASSIGN_OR_RETURN(const std::optional<WorkflowTask> found, Find(task));
    if (found.has_value() && HasEnded(found->status)) return *found;
    absl::SleepFor(kSlice);
  }
}

absl::StatusOr<std::optional<WorkflowTask>> RemoteRun::Find(const std::string& task) {
  absl::MutexLock lock(&mutex_);
  const auto found = tasks_.find(task);
  const bool known = found != tasks_.end();
  if (known && HasEnded(found->second.status)) return std::optional(found->second);
  DEPS_RETURN_IF_ERROR(trouble_);
  if (ended_) {
    return std::optional<WorkflowTask>(
        {.id = task,
         .status = "unknown",
         .message = "the engine says that the run has ended, and not how this task did: see "
                    "whether it did its work, then resume the workflow"});
  }
  return known ? std::optional(found->second) : std::nullopt;
}

void RemoteRun::Watch() {
  while (!over_.load()) {
    mutex_.Lock();
    const bool done = !trouble_.ok() || ended_;
    const bool due = SteadyNow() >= next_;
    mutex_.Unlock();
    if (done) return;
    if (due) {
      Take(engine_.Status(run_));
    } else {
      absl::SleepFor(kSlice);
    }
  }
}

void RemoteRun::Take(absl::StatusOr<EngineStatus> status) {
  absl::MutexLock lock(&mutex_);
  const absl::Time now = SteadyNow();
  if (!status.ok()) {
    const bool may_pass = HasId(status.status(), DiagnosticId::kEngineUnavailable) ||
                          HasId(status.status(), DiagnosticId::kEngineProtocol);
    if (!may_pass || now > heard_ + kPatience) trouble_ = status.status();
    next_ = now + kLastPoll;
    return;
  }
  heard_ = now;
  poll_ = status->cursor != cursor_ ? kFirstPoll : std::min(poll_ * 1.3, kLastPoll);
  cursor_ = status->cursor;
  next_ = now + poll_;
  ended_ = HasEnded(status->workflow.status);
  for (WorkflowTask& task : status->workflow.tasks) {
    WorkflowTask& known = tasks_[task.id];
    // An engine that lost its memory does not undo what has ended.
    if (!HasEnded(known.status) || known.status.empty()) known = std::move(task);
  }
}

absl::Status RemoteRun::HeedStop(int stops) {
  {
    absl::MutexLock lock(&mutex_);
    if (stops <= canceled_) return absl::OkStatus();
    canceled_ = stops;
    next_ = absl::InfinitePast();
  }
  return engine_.Cancel({.run = run_, .force = stops > 1});
}

}  // namespace deps
