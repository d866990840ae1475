#include "lib/run/scheduler.h"

#include <algorithm>
#include <atomic>
#include <optional>
#include <random>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "lib/base/status_macros.h"
#include "lib/base/steady_clock.h"
#include "lib/diag/diagnostic.h"
#include "lib/run/attempt.h"
#include "lib/run/attempt_pool.h"
#include "lib/run/collect.h"
#include "lib/run/inputs.h"
#include "lib/run/progress_table.h"
#include "lib/state/fault_point.h"

namespace deps {
namespace {

constexpr absl::Duration kTick = absl::Milliseconds(100);
// How often the state is asked whether someone else wants the workflow to stop,
// and told that this process is there.
constexpr absl::Duration kPoll = absl::Seconds(1);
// How often others' progress is looked for: at first, and when long nothing came.
constexpr absl::Duration kFirstSharedPoll = absl::Milliseconds(5);
constexpr absl::Duration kLastSharedPoll = absl::Milliseconds(250);
constexpr absl::Duration kFirstBackoff = absl::Seconds(1);
constexpr absl::Duration kLongestBackoff = absl::Minutes(5);
// Short tasks are claimed so far ahead that a transaction does not delay them.
constexpr absl::Duration kAhead = absl::Milliseconds(40);
constexpr int64_t kMostAhead = 128;
// Tasks of a workflow that stops end a part at a time: their events are in memory.
constexpr size_t kMostStopped = 4096;

// Full jitter: tasks that failed for one reason do not come back all at once.
absl::Duration Backoff(int64_t failures) {
  static thread_local std::mt19937_64 random{std::random_device()()};
  const absl::Duration longest =
      std::min(kLongestBackoff, kFirstBackoff * (int64_t{1} << std::min<int64_t>(failures, 20)));
  return longest * std::uniform_real_distribution<>(0.5, 1.0)(random);
}

class Scheduler {
 public:
  Scheduler(Outline outline, const std::string& id, const Owner& owner, Store& store,
            Driver& driver, const RunOptions& options)
      : outline_(std::move(outline)),
        id_(id),
        owner_(owner),
        store_(store),
        driver_(driver),
        options_(options),
        key_(options.files.key),
        inputs_(id, outline_.secret_variables, store, key_, options.getenv, &stop_) {}

  // Gives whether all tasks have ended.
  absl::StatusOr<bool> Run();

 private:
  absl::StatusOr<ProgressTable> ReadProgress();
  absl::Status RunWith(ProgressTable& table, AttemptPool& pool);
  TaskResult Attempt(const PlannedTask& task, const Claim& claim);
  void TakeEnded(ProgressTable& table, AttemptPool& pool, Change* change);
  void AddSkips(ProgressTable& table, const AttemptPool& pool, Change* change);
  void AddBlocked(ProgressTable& table, Change* change);
  void AddClaims(ProgressTable& table, const AttemptPool& pool, Change* change);
  absl::Status Commit(ProgressTable& table, AttemptPool& pool, Change change);
  absl::StatusOr<Progress> Advance(const Change& change);
  void WatchForStop();
  void Stop(int wanted);
  bool IsOver(const ProgressTable& table, const AttemptPool& pool) const;
  absl::Duration Wait(const ProgressTable& table, const AttemptPool& pool);
  absl::StatusOr<std::string> TypeOf(const ValueSource& source) const;
  absl::Status Finish(const ProgressTable& table);
  absl::StatusOr<std::vector<StoredOutput>> RootOutputs();
  absl::Status CheckNeeds(const ProgressTable& table) const;
  absl::Status TakeAgain(ProgressTable& table);

  const Outline outline_;
  const std::string id_;
  const Owner owner_;
  Store& store_;
  Driver& driver_;
  const RunOptions& options_;
  StateKey key_;
  const InputResolver inputs_;

  std::atomic<int> stop_ = 0;     // As in RunWatch.
  std::atomic<int> at_once_ = 0;  // Whether stop_ is more than 1.
  int64_t last_event_ = 0;
  std::string status_ = "running";
  bool cancel_requested_ = false;
  bool ends_rest_ = false;  // What is pending is being ended.
  bool hurry_ = true;       // Something is new: do not wait.
  // Another process gave up the one task that this one is there for.
  bool given_up_ = false;
  absl::Time next_poll_ = absl::InfinitePast();
  absl::Time last_work_ = SteadyNow();
  absl::Duration shared_poll_ = kFirstSharedPoll;
  absl::Duration average_ = absl::Seconds(1);  // Of attempts.
  std::vector<SkippedTask> busy_;
};

absl::StatusOr<bool> Scheduler::Run() {
  DEPS_ASSIGN_OR_RETURN(const int64_t last, store_.LastEvent(id_));
  // A resumed run tells what is new: its own first event is there already.
  last_event_ = std::max<int64_t>(last, 1) - 1;
  DEPS_ASSIGN_OR_RETURN(ProgressTable table, ReadProgress());
  DEPS_RETURN_IF_ERROR(CheckNeeds(table));
  // Without a key what a bundle made would be lost: none is run then.
  if (outline_.makes_secrets) DEPS_RETURN_IF_ERROR(key_.Ensure());
  AttemptPool pool(options_.jobs, [this](const PlannedTask& task, const Claim& claim) {
    return Attempt(task, claim);
  });
  const absl::Status status = RunWith(table, pool);
  // Without its state nothing can be finished; a later runner attaches.
  if (!status.ok()) Stop(kLeaveRunning);
  DEPS_RETURN_IF_ERROR(status);
  return table.AllEnded();
}

absl::StatusOr<ProgressTable> Scheduler::ReadProgress() {
  DEPS_ASSIGN_OR_RETURN(const Workflow workflow, store_.Document(id_));
  if (!options_.shared) RemoveLeftovers(workflow);
  return ProgressTable(outline_, workflow);
}

absl::Status Scheduler::CheckNeeds(const ProgressTable& table) const {
  if (options_.only.empty()) return absl::OkStatus();
  const size_t index = table.Find(options_.only);
  for (const uint32_t need : table.task(index).needs) {
    if (table.state(need) == ProgressTable::State::kDone) continue;
    return MakeError(
        {.id = DiagnosticId::kRunBusy,
         .message = absl::StrCat("task '", options_.only, "' needs '", table.task(need).id,
                                 "', which has not succeeded yet")});
  }
  return absl::OkStatus();
}

absl::Status Scheduler::RunWith(ProgressTable& table, AttemptPool& pool) {
  while (true) {
    WatchForStop();
    Change change = {.after_event = last_event_};
    TakeEnded(table, pool, &change);
    AddSkips(table, pool, &change);
    AddClaims(table, pool, &change);
    const bool changes = !change.ended.empty() || !change.skipped.empty() || !change.claims.empty();
    if (changes || SteadyNow() >= next_poll_) {
      DEPS_RETURN_IF_ERROR(Commit(table, pool, std::move(change)));
    }
    // A claim of which nothing came is tried again after a while.
    if (changes && hurry_) {
      last_work_ = SteadyNow();
      shared_poll_ = kFirstSharedPoll;
      continue;
    }
    if (options_.on_tick) options_.on_tick(pool.Running());
    if (std::exchange(given_up_, false)) {
      DEPS_RETURN_IF_ERROR(TakeAgain(table));
      continue;
    }
    if (IsOver(table, pool)) break;
    if (options_.shared && pool.Count() == 0 && SteadyNow() > last_work_ + options_.idle) break;
  }
  return Finish(table);
}

absl::Status Scheduler::TakeAgain(ProgressTable& table) {
  DEPS_ASSIGN_OR_RETURN(const StoredWorkflow stored, store_.FindWorkflow(id_));
  DEPS_RETURN_IF_ERROR(store_.TakeWorkflow(id_, stored.start, owner_, {options_.only}));
  DEPS_ASSIGN_OR_RETURN(table, ReadProgress());
  status_ = "running";
  return absl::OkStatus();
}

void Scheduler::WatchForStop() {
  if (options_.signals) Stop(std::min(options_.signals(), 2));
}

void Scheduler::Stop(int wanted) {
  stop_.store(std::max(stop_.load(), wanted));
  if (wanted > 1) at_once_.store(1);
}

bool Scheduler::IsOver(const ProgressTable& table, const AttemptPool& pool) const {
  if (pool.Count() > 0) return false;
  if (status_ != "running" || table.AllEnded()) return true;
  if (!options_.only.empty()) {
    const ProgressTable::State state = table.state(table.Find(options_.only));
    if (state != ProgressTable::State::kPending && state != ProgressTable::State::kRunning) {
      return true;
    }
  }
  // Others go on, where the stop is this process's alone.
  return options_.shared && stop_.load() > 0;
}

absl::Duration Scheduler::Wait(const ProgressTable& table, const AttemptPool& pool) {
  if (std::exchange(hurry_, false)) return absl::ZeroDuration();
  absl::Duration wait = std::min(kTick, table.NextTime() - SteadyNow());
  if (options_.shared && pool.Count() < options_.jobs) {
    shared_poll_ = std::min(shared_poll_ * 2, kLastSharedPoll);
    next_poll_ = std::min(next_poll_, SteadyNow() + shared_poll_);
    wait = std::min(wait, shared_poll_);
  }
  return std::max(wait, absl::ZeroDuration());
}

void Scheduler::TakeEnded(ProgressTable& table, AttemptPool& pool, Change* change) {
  for (AttemptPool::Ended& ended : pool.Take(Wait(table, pool))) {
    average_ = (3 * average_ + ended.took) / 4;
    EndedAttempt attempt = {.claim = std::move(ended.claim), .result = std::move(ended.result)};
    const std::string& status = attempt.result.status;
    if (status == "interrupted") {
      attempt.retry_after = absl::ZeroDuration();
    } else if (status == "failed" && attempt.claim.failures < options_.retries &&
               stop_.load() == 0) {
      attempt.retry_after = Backoff(attempt.claim.failures);
    }
    if (status != "left") change->ended.push_back(std::move(attempt));
  }
}

void Scheduler::AddSkips(ProgressTable& table, const AttemptPool& pool, Change* change) {
  change->skipped = std::exchange(busy_, {});
  if (!options_.only.empty()) return;
  // Once the rest is being ended, a part at a time, all of it ends for one reason.
  if (!ends_rest_) AddBlocked(table, change);
  const bool fail_fast = options_.fail_fast && table.AnyFailed();
  const bool stopped = stop_.load() > 0 && (!options_.shared || cancel_requested_);
  if (pool.Count() > 0 || !change->ended.empty() || (!fail_fast && !stopped)) return;
  if (!table.Begun().empty()) return;  // These are ended first.
  if (options_.begun && stopped && !table.Ready(SteadyNow()).empty()) return;  // So are these.
  ends_rest_ = true;
  for (const size_t index : table.Pending()) {
    if (change->skipped.size() >= kMostStopped) break;
    TaskResult result = {.status = "canceled",
                         .reason = "stopped",
                         .message = "the workflow was stopped before it started"};
    if (!stopped)
      result = {.status = "skipped", .reason = "fail-fast", .message = "another task failed"};
    change->skipped.push_back({.task = table.task(index).id, .result = std::move(result)});
  }
}

void Scheduler::AddBlocked(ProgressTable& table, Change* change) {
  for (auto& [index, needs] : table.TakeBlocked(kMostStopped)) {
    change->skipped.push_back(
        {.task = table.task(index).id,
         .result = {.status = "skipped",
                    .reason = "upstream",
                    .message = absl::StrCat("needs ", absl::StrJoin(needs, ", "),
                                            ", which did not succeed")}});
  }
}

void Scheduler::AddClaims(ProgressTable& table, const AttemptPool& pool, Change* change) {
  const absl::Time now = SteadyNow();
  int64_t room = options_.jobs - pool.Count();
  if (!options_.shared && average_ < kAhead) {
    const absl::Duration average = std::max(average_, absl::Microseconds(50));
    room += std::min<int64_t>(kMostAhead, options_.jobs * (kAhead / average));
  }
  const auto claim = [&](size_t index) {
    change->claims.push_back(table.task(index).id);
    --room;
  };
  if (!options_.only.empty()) {
    const size_t index = table.Find(options_.only);
    if (stop_.load() == 0 && table.Ready(now).contains(index) && room > 0) claim(index);
    return;
  }
  for (const size_t index : table.Begun()) {
    if (room > 0) claim(index);
  }
  const bool stopped = stop_.load() > 0;
  if ((stopped && !options_.begun) || (options_.fail_fast && table.AnyFailed())) return;
  const size_t begun = change->claims.size();
  for (const size_t index : table.Ready(now)) {
    const Outline::Task& task = table.task(index);
    if (begun > 0 &&
        std::find(change->claims.begin(), change->claims.end(), task.id) != change->claims.end()) {
      continue;
    }
    if (task.skipped) {
      if (change->skipped.size() >= kMostStopped) continue;
      change->skipped.push_back(
          {.task = task.id, .result = {.status = "skipped", .reason = "reused"}, .reused = true});
    } else if (options_.begun && !stopped && !options_.begun(task.id)) {
      continue;
    } else if (room > 0) {
      claim(index);
    } else {
      break;
    }
  }
}

absl::Status Scheduler::Commit(ProgressTable& table, AttemptPool& pool, Change change) {
  change.recover = options_.shared;
  change.traces = [](const Claim& claim) {
    const absl::StatusOr<Traces> traces = TracesOf(claim);
    return FormatTraces(traces.ok() ? *traces : Traces());
  };
  DEPS_ASSIGN_OR_RETURN(Progress progress, Advance(change));
  FaultPoint("advanced");
  const absl::Time now = SteadyNow();
  next_poll_ = now + kPoll;
  status_ = progress.status;
  cancel_requested_ = progress.cancel_requested;
  if (progress.cancel_requested) Stop(1);
  hurry_ = !progress.events.empty() || !progress.busy.empty();
  for (const StoredEvent& event : progress.events) {
    last_event_ = event.seq;
    if (!event.task.empty()) last_work_ = now;
    if (!options_.only.empty() && event.task == options_.only) {
      given_up_ = event.type == "task.canceled" && stop_.load() == 0;
    }
    table.Apply(event, now);
    if (options_.on_event) options_.on_event(event);
  }
  for (ClaimedTask& task : progress.claimed) pool.Start(std::move(task));
  for (const EndedAttempt& ended : change.ended) {
    // What was taken over is the other process's, the folder too.
    const bool lost = std::find(progress.lost.begin(), progress.lost.end(), ended.claim.task) !=
                      progress.lost.end();
    const absl::StatusOr<Traces> traces = ParseTraces(ended.claim.traces);
    if (!lost && traces.ok()) pool.Discard(traces->folder);
  }
  for (auto& [task, message] : progress.busy) {
    busy_.push_back(
        {.task = task, .result = {.status = "failed", .reason = "busy", .message = message}});
  }
  return absl::OkStatus();
}

// A state that does not answer is asked again: what runs goes on meanwhile.
absl::StatusOr<Progress> Scheduler::Advance(const Change& change) {
  const absl::Time begin = SteadyNow();
  for (absl::Duration pause = absl::Milliseconds(50);; pause = std::min(pause * 2, kPoll)) {
    absl::StatusOr<Progress> progress = store_.Advance(id_, change, owner_);
    if (progress.ok() || !HasId(progress.status(), DiagnosticId::kStateOpen) ||
        SteadyNow() + pause > begin + options_.patience) {
      return progress;
    }
    if (options_.on_trouble) options_.on_trouble(progress.status());
    absl::SleepFor(pause);
    WatchForStop();
    if (stop_.load() > 1) return progress;
  }
}

TaskResult Scheduler::Attempt(const PlannedTask& task, const Claim& claim) {
  if (options_.attempt) return options_.attempt(task, claim, [this] { return stop_.load(); });
  const AttemptOptions options = {.logs = options_.files.logs,
                                  .mapping = options_.mapping,
                                  .timeout = options_.timeout,
                                  .grace = options_.grace,
                                  .stop = [this] { return stop_.load(); },
                                  .at_once = &at_once_,
                                  .bundle_json = options_.bundle_json};
  return RunAttempt(task, claim, inputs_, key_, driver_, options);
}

absl::Status Scheduler::Finish(const ProgressTable& table) {
  if (status_ != "running" || !table.AllEnded()) return absl::OkStatus();
  std::vector<StoredOutput> outputs;
  if (table.AllDone()) {
    DEPS_ASSIGN_OR_RETURN(outputs, RootOutputs());
  }
  DEPS_RETURN_IF_ERROR(store_.FinishWorkflow(id_, outputs, owner_));
  if (!options_.on_event) return absl::OkStatus();
  DEPS_ASSIGN_OR_RETURN(const std::vector<StoredEvent> events, store_.Events(id_, last_event_));
  for (const StoredEvent& event : events) options_.on_event(event);
  return absl::OkStatus();
}

// The type of what a source names; "" where it has none.
absl::StatusOr<std::string> Scheduler::TypeOf(const ValueSource& source) const {
  if (source.item.task.empty()) return "";
  DEPS_ASSIGN_OR_RETURN(const PlannedTask task, inputs_.FindTask(source.item.task));
  if (source.kind == ValueSource::Kind::kOutput) {
    const auto output = task.outputs.find(source.item.name);
    return output == task.outputs.end() ? "" : output->second.type;
  }
  const auto parameter = task.bundle.parameters.find(source.item.name);
  return source.kind != ValueSource::Kind::kParameter || parameter == task.bundle.parameters.end()
             ? ""
             : parameter->second.type;
}

absl::StatusOr<std::vector<StoredOutput>> Scheduler::RootOutputs() {
  std::vector<StoredOutput> outputs;
  // A signal that comes when all is done does not take from what there is.
  std::optional<InputResolver> patient;
  if (stop_.load() > 0) {
    patient.emplace(id_, outline_.secret_variables, store_, key_, options_.getenv);
  }
  const InputResolver& inputs = patient.has_value() ? *patient : inputs_;
  DEPS_ASSIGN_OR_RETURN(const Plan plan, store_.ReadPlanHead(id_));
  for (const auto& [name, source] : plan.outputs) {
    const absl::StatusOr<ResolvedValue> value = inputs.Resolve(source);
    // A bundle need not leave all of its outputs in each of its actions.
    if (HasId(value.status(), DiagnosticId::kStateUnknownWorkflow)) continue;
    DEPS_RETURN_IF_ERROR(WithContext(value.status(), absl::StrCat("output '", name, "'")));
    StoredOutput output = {.name = name, .sensitive = value->sensitive};
    if (output.sensitive) {
      output.ref = OutputRef(id_, "", name);
      DEPS_ASSIGN_OR_RETURN(output.box, key_.Seal(value->bytes.view(), output.ref));
    } else if (source.kind == ValueSource::Kind::kValue) {
      output.value = source.value;
    } else {
      DEPS_ASSIGN_OR_RETURN(const std::string type, TypeOf(source));
      output.value = AsJson(type, value->bytes.view());
    }
    outputs.push_back(std::move(output));
  }
  return outputs;
}

}  // namespace

absl::StatusOr<Workflow> RunWorkflow(const std::string& id, const Owner& owner, Store& store,
                                     Driver& driver, const RunOptions& options) {
  bool all_ended = false;
  {
    DEPS_ASSIGN_OR_RETURN(Outline outline, ReadOutline(id, store));
    if (options.on_outline) options.on_outline(outline);
    Scheduler scheduler(std::move(outline), id, owner, store, driver, options);
    DEPS_ASSIGN_OR_RETURN(all_ended, scheduler.Run());
    // What is in memory of the tasks makes room for the document.
  }
  DEPS_ASSIGN_OR_RETURN(Workflow workflow, store.Document(id));
  if (options.shared && all_ended) RemoveEnded(workflow);
  return workflow;
}

}  // namespace deps
