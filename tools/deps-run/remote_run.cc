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

}  // namespace

bool HasEnded(const std::string& status) { return status != "pending" && status != "running"; }

RemoteRun::RemoteRun(Engine& engine, std::string run)
    : engine_(engine), run_(std::move(run)), poll_(kFirstPoll) {}

absl::StatusOr<WorkflowTask> RemoteRun::Await(const std::string& task,
                                              const std::function<int()>& stop) {
  absl::Duration pause = kFirstPoll;
  while (true) {
    DEPS_RETURN_IF_ERROR(HeedStop(stop()));
    DEPS_ASSIGN_OR_RETURN(const std::optional<WorkflowTask> found, Look(task));
    if (found.has_value() && HasEnded(found->status)) return *found;
    const absl::Time end = SteadyNow() + pause;
    const int stops = stop();
    while (SteadyNow() < end && stop() == stops) absl::SleepFor(absl::Milliseconds(20));
    pause = std::min(pause * 1.3, kLastPoll);
  }
}

// One thread asks for all; what it learns is good for a short time.
absl::StatusOr<std::optional<WorkflowTask>> RemoteRun::Look(const std::string& task) {
  absl::MutexLock lock(&mutex_);
  if (SteadyNow() > fresh_until_) DEPS_RETURN_IF_ERROR(Refresh());
  const auto found = tasks_.find(task);
  const bool known = found != tasks_.end();
  if (ended_ && (!known || !HasEnded(found->second.status))) {
    return std::optional<WorkflowTask>(
        {.id = task,
         .status = "unknown",
         .message = "the engine says that the run has ended, and not how this task did: see "
                    "whether it did its work, then resume the workflow"});
  }
  return known ? std::optional<WorkflowTask>(found->second) : std::nullopt;
}

absl::Status RemoteRun::Refresh() {
  absl::StatusOr<EngineStatus> status = engine_.Status(run_);
  const absl::Time now = SteadyNow();
  if (!status.ok()) {
    const bool may_pass = HasId(status.status(), DiagnosticId::kEngineUnavailable) ||
                          HasId(status.status(), DiagnosticId::kEngineProtocol);
    if (!may_pass || now > heard_ + kPatience) return status.status();
    fresh_until_ = now + kLastPoll;
    return absl::OkStatus();
  }
  heard_ = now;
  const bool changed = status->cursor != cursor_;
  cursor_ = status->cursor;
  poll_ = changed ? kFirstPoll : std::min(poll_ * 1.3, kLastPoll);
  fresh_until_ = now + poll_;
  ended_ = HasEnded(status->workflow.status);
  for (WorkflowTask& task : status->workflow.tasks) {
    WorkflowTask& known = tasks_[task.id];
    // An engine that lost its memory does not undo what has ended.
    if (!HasEnded(known.status) || known.status.empty()) known = std::move(task);
  }
  return absl::OkStatus();
}

absl::Status RemoteRun::HeedStop(int stops) {
  {
    absl::MutexLock lock(&mutex_);
    if (stops <= canceled_) return absl::OkStatus();
    canceled_ = stops;
    fresh_until_ = absl::InfinitePast();
  }
  return engine_.Cancel({.run = run_, .force = stops > 1});
}

}  // namespace deps
