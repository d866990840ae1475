#include "lib/run/scheduler.h"

#include <algorithm>
#include <atomic>
#include <deque>
#include <map>
#include <set>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "lib/base/status_macros.h"
#include "lib/diag/diagnostic.h"
#include "lib/run/attempt.h"
#include "lib/run/inputs.h"
#include "lib/run/scratch.h"

namespace deps {
namespace {

constexpr absl::Duration kTick = absl::Milliseconds(100);
// How often the state is asked whether someone else wants the workflow to stop.
constexpr absl::Duration kCancelPoll = absl::Seconds(1);
constexpr absl::Duration kFirstBackoff = absl::Seconds(1);
constexpr absl::Duration kLongestBackoff = absl::Minutes(5);

enum class TaskState { kPending, kRunning, kDone, kFailed };

struct Progress {
  const PlannedTask* task = nullptr;
  TaskState state = TaskState::kPending;
  int64_t failures = 0;
  absl::Time not_before = absl::InfinitePast();
};

// What a thread reports when its attempt is over.
struct Outcome {
  std::string task;
  TaskState state = TaskState::kFailed;
  absl::Status error;  // Of the store: the run cannot go on.
};

class Scheduler {
 public:
  Scheduler(const Plan& plan, const std::string& id, const Owner& owner, Store& store,
            Driver& driver, const RunOptions& options)
      : plan_(plan),
        id_(id),
        owner_(owner),
        store_(store),
        driver_(driver),
        options_(options),
        key_(options.files.key),
        inputs_(plan, id, store, key_, options.getenv) {}

  absl::StatusOr<Workflow> Run();

 private:
  absl::Status Begin();
  absl::Status CleanUp();
  absl::Status StartWhatCan();
  absl::Status StartOne(Progress& progress);
  absl::Status SkipBlocked();
  absl::Status Skip(Progress& progress, const TaskResult& result, TaskState state);
  absl::Status Reuse(Progress& progress);
  absl::Status EndPending();
  void RunTask(const PlannedTask* task, int64_t failures, std::optional<Traces> left);
  Outcome RunClaimed(const PlannedTask& task, int64_t failures, std::optional<Traces> left);
  absl::Status TakeOutcomes();
  absl::Status TellEvents();
  absl::Status WatchForStop();

  bool Ready(const Progress& progress) const;
  bool AnyPending() const;
  int StopLevel() const { return stop_.load(); }
  int64_t Running() const;

  const Plan& plan_;
  const std::string id_;
  const Owner owner_;
  Store& store_;
  Driver& driver_;
  const RunOptions& options_;
  StateKey key_;
  const InputResolver inputs_;

  std::map<std::string, Progress> tasks_;
  std::map<std::string, Traces> left_;  // By an earlier runner, of tasks not started yet.
  std::map<std::string, std::thread> threads_;
  std::atomic<int> stop_ = 0;
  bool failed_ = false;
  int64_t last_event_ = 0;
  absl::Time next_cancel_poll_ = absl::InfinitePast();

  absl::Mutex mutex_;
  std::deque<Outcome> outcomes_ ABSL_GUARDED_BY(mutex_);
};

absl::Status Scheduler::Begin() {
  DEPS_ASSIGN_OR_RETURN(const Workflow workflow, store_.Document(id_));
  for (const PlannedTask& task : plan_.tasks) tasks_[task.id].task = &task;
  for (const WorkflowTask& task : workflow.tasks) {
    const auto found = tasks_.find(task.id);
    if (found != tasks_.end() && (task.status == "succeeded" || task.status == "skipped")) {
      found->second.state = TaskState::kDone;
    }
  }
  DEPS_ASSIGN_OR_RETURN(const std::vector<StoredEvent> events, store_.Events(id_, 0));
  // A resumed run tells what is new: its own first event is there already.
  if (!events.empty()) last_event_ = events.back().seq - 1;
  DEPS_ASSIGN_OR_RETURN(const auto left, store_.Traces(id_));
  for (const auto& [task, text] : left) {
    DEPS_ASSIGN_OR_RETURN(left_[task], ParseTraces(text));
  }
  return absl::OkStatus();
}

// Ends what an earlier runner that died left behind, and what no attempt has
// taken on.
absl::Status Scheduler::CleanUp() {
  for (const auto& [task, traces] : left_) {
    DEPS_RETURN_IF_ERROR(WithContext(driver_.CleanUp(traces), absl::StrCat("task '", task, "'")));
    RemoveScratch(traces.folder);
  }
  return absl::OkStatus();
}

absl::StatusOr<Workflow> Scheduler::Run() {
  absl::Status error = Begin();
  while (error.ok()) {
    error.Update(WatchForStop());
    error.Update(TakeOutcomes());
    error.Update(SkipBlocked());
    if (StopLevel() == 0) error.Update(StartWhatCan());
    error.Update(TellEvents());
    if (Running() == 0 && (StopLevel() > 0 || !AnyPending())) break;
    absl::MutexLock lock(&mutex_);
    const auto woken = [this]() ABSL_SHARED_LOCKS_REQUIRED(mutex_) { return !outcomes_.empty(); };
    mutex_.AwaitWithTimeout(absl::Condition(&woken), kTick);
  }
  if (!error.ok()) stop_.store(1);
  for (auto& [task, thread] : threads_) thread.join();
  threads_.clear();
  DEPS_RETURN_IF_ERROR(error);
  DEPS_RETURN_IF_ERROR(TakeOutcomes());
  DEPS_RETURN_IF_ERROR(CleanUp());
  DEPS_RETURN_IF_ERROR(EndPending());
  DEPS_ASSIGN_OR_RETURN(Workflow workflow, store_.FinishWorkflow(id_, owner_));
  DEPS_RETURN_IF_ERROR(TellEvents());
  return workflow;
}

absl::Status Scheduler::WatchForStop() {
  if (options_.signals) stop_.store(std::max(stop_.load(), std::min(options_.signals(), 2)));
  if (absl::Now() < next_cancel_poll_) return absl::OkStatus();
  next_cancel_poll_ = absl::Now() + kCancelPoll;
  DEPS_ASSIGN_OR_RETURN(const StoredWorkflow workflow, store_.FindWorkflow(id_));
  if (workflow.cancel_requested) stop_.store(std::max(stop_.load(), 1));
  return absl::OkStatus();
}

bool Scheduler::Ready(const Progress& progress) const {
  return progress.state == TaskState::kPending && progress.not_before <= absl::Now() &&
         std::all_of(
             progress.task->needs.begin(), progress.task->needs.end(),
             [this](const std::string& need) { return tasks_.at(need).state == TaskState::kDone; });
}

bool Scheduler::AnyPending() const {
  return std::any_of(tasks_.begin(), tasks_.end(),
                     [](const auto& entry) { return entry.second.state == TaskState::kPending; });
}

int64_t Scheduler::Running() const {
  return std::count_if(tasks_.begin(), tasks_.end(),
                       [](const auto& entry) { return entry.second.state == TaskState::kRunning; });
}

absl::Status Scheduler::StartWhatCan() {
  // In the plan's order. A reused task takes no time, and may make others ready.
  for (bool again = true; again;) {
    again = false;
    for (const PlannedTask& task : plan_.tasks) {
      Progress& progress = tasks_.at(task.id);
      if (failed_ && options_.fail_fast) return absl::OkStatus();
      if (!Ready(progress)) continue;
      if (task.action == "skip") {
        DEPS_RETURN_IF_ERROR(Reuse(progress));
        again = true;
      } else if (Running() < options_.jobs) {
        DEPS_RETURN_IF_ERROR(StartOne(progress));
      }
    }
  }
  return absl::OkStatus();
}

absl::Status Scheduler::StartOne(Progress& progress) {
  progress.state = TaskState::kRunning;
  std::optional<Traces> left;
  if (auto node = left_.extract(progress.task->id)) left = std::move(node.mapped());
  std::thread& thread = threads_[progress.task->id];
  if (thread.joinable()) thread.join();  // Of an earlier attempt, which has reported.
  thread =
      std::thread(&Scheduler::RunTask, this, progress.task, progress.failures, std::move(left));
  return absl::OkStatus();
}

absl::Status Scheduler::Skip(Progress& progress, const TaskResult& result, TaskState state) {
  progress.state = state;
  return store_.SkipTask(id_, progress.task->id, result);
}

absl::Status Scheduler::Reuse(Progress& progress) {
  TaskResult result = {.status = "skipped", .reason = "reused"};
  DEPS_ASSIGN_OR_RETURN(result.outputs,
                        store_.InstallationOutputs(progress.task->installation.name));
  return Skip(progress, result, TaskState::kDone);
}

absl::Status Scheduler::SkipBlocked() {
  for (bool again = true; again;) {
    again = false;
    for (const PlannedTask& task : plan_.tasks) {
      Progress& progress = tasks_.at(task.id);
      if (progress.state != TaskState::kPending) continue;
      std::vector<std::string> failed;
      for (const std::string& need : task.needs) {
        if (tasks_.at(need).state == TaskState::kFailed) failed.push_back(need);
      }
      if (failed.empty()) continue;
      again = true;
      DEPS_RETURN_IF_ERROR(Skip(progress,
                                {.status = "skipped",
                                 .reason = "upstream",
                                 .message = absl::StrCat("needs ", absl::StrJoin(failed, ", "),
                                                         ", which did not succeed")},
                                TaskState::kFailed));
    }
  }
  if (!failed_ || !options_.fail_fast) return absl::OkStatus();
  for (const PlannedTask& task : plan_.tasks) {
    Progress& progress = tasks_.at(task.id);
    if (progress.state != TaskState::kPending) continue;
    DEPS_RETURN_IF_ERROR(Skip(
        progress, {.status = "skipped", .reason = "fail-fast", .message = "another task failed"},
        TaskState::kFailed));
  }
  return absl::OkStatus();
}

absl::Status Scheduler::EndPending() {
  for (const PlannedTask& task : plan_.tasks) {
    Progress& progress = tasks_.at(task.id);
    if (progress.state != TaskState::kPending) continue;
    DEPS_RETURN_IF_ERROR(Skip(progress,
                              {.status = "canceled",
                               .reason = "stopped",
                               .message = "the workflow was stopped before it started"},
                              TaskState::kFailed));
  }
  return absl::OkStatus();
}

void Scheduler::RunTask(const PlannedTask* task, int64_t failures, std::optional<Traces> left) {
  Outcome outcome = RunClaimed(*task, failures, std::move(left));
  absl::MutexLock lock(&mutex_);
  outcomes_.push_back(std::move(outcome));
}

Outcome Scheduler::RunClaimed(const PlannedTask& task, int64_t failures,
                              std::optional<Traces> left) {
  Outcome outcome = {.task = task.id};
  const absl::StatusOr<Claim> claim = store_.ClaimTask(id_, task, owner_);
  if (!claim.ok()) {
    outcome.error = claim.status();
    if (HasId(claim.status(), DiagnosticId::kRunBusy)) {
      outcome.error = store_.SkipTask(id_, task.id,
                                      {.status = "failed",
                                       .reason = "busy",
                                       .message = DiagnosticsOf(claim.status())[0].message});
    }
    return outcome;
  }
  const AttemptOptions options = {.logs = options_.files.logs,
                                  .mapping = options_.mapping,
                                  .timeout = options_.timeout,
                                  .grace = options_.grace,
                                  .stop = [this] { return StopLevel(); },
                                  .bundle_json = options_.bundle_json,
                                  .left = std::move(left)};
  const TaskResult result = RunAttempt(task, *claim, inputs_, key_, store_, driver_, options);
  if (result.status == "succeeded") outcome.state = TaskState::kDone;
  if (result.status == "failed" && failures < options_.retries && StopLevel() == 0) {
    outcome.state = TaskState::kPending;
    outcome.error = store_.RetryTask(*claim, result);
  } else {
    outcome.error = store_.FinishTask(*claim, result);
  }
  return outcome;
}

absl::Status Scheduler::TakeOutcomes() {
  std::deque<Outcome> outcomes;
  {
    absl::MutexLock lock(&mutex_);
    outcomes.swap(outcomes_);
  }
  absl::Status error;
  for (const Outcome& outcome : outcomes) {
    Progress& progress = tasks_.at(outcome.task);
    progress.state = outcome.state;
    error.Update(outcome.error);
    if (outcome.state == TaskState::kFailed) failed_ = true;
    if (outcome.state == TaskState::kPending) {
      const absl::Duration backoff =
          kFirstBackoff * (int64_t{1} << std::min<int64_t>(progress.failures, 20));
      progress.not_before = absl::Now() + std::min(backoff, kLongestBackoff);
      ++progress.failures;
    }
  }
  return error;
}

absl::Status Scheduler::TellEvents() {
  if (!options_.on_event) return absl::OkStatus();
  DEPS_ASSIGN_OR_RETURN(const std::vector<StoredEvent> events, store_.Events(id_, last_event_));
  for (const StoredEvent& event : events) {
    last_event_ = event.seq;
    options_.on_event(event);
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Workflow> RunWorkflow(const Plan& plan, const std::string& id, const Owner& owner,
                                     Store& store, Driver& driver, const RunOptions& options) {
  return Scheduler(plan, id, owner, store, driver, options).Run();
}

}  // namespace deps
