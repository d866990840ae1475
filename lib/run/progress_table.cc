#include "lib/run/progress_table.h"

#include <utility>

#include "lib/json/json.h"

namespace deps {
namespace {

std::string TextIn(const JsonText& data, std::string_view member) {
  const json::Value value = json::Value::Of(data);
  const json::Value* const found = value.Find(member);
  return found == nullptr ? "" : found->text;
}

absl::Duration DelayIn(const JsonText& data) {
  int64_t milliseconds = 0;
  const std::string text = TextIn(data, "delayMilliseconds");
  for (const char c : text) milliseconds = 10 * milliseconds + (c - '0');
  return absl::Milliseconds(milliseconds);
}

}  // namespace

ProgressTable::ProgressTable(const Outline& outline, const Workflow& workflow)
    : tasks_(&outline.tasks) {
  entries_.resize(tasks_->size());
  index_.reserve(tasks_->size());
  for (size_t i = 0; i < entries_.size(); ++i) {
    index_[task(i).id] = i;
    for (const uint32_t need : task(i).needs) {
      entries_[need].dependents.push_back(static_cast<uint32_t>(i));
      ++entries_[i].waits_for;
    }
    if (entries_[i].waits_for == 0) ready_.insert(i);
  }
  for (const WorkflowTask& task : workflow.tasks) {
    const size_t index = Find(task.id);
    if (index == entries_.size() || task.status == "pending") {
      if (index < entries_.size() && task.reason == "interrupted") begun_.insert(index);
      continue;
    }
    const bool done =
        task.status == "succeeded" || (task.status == "skipped" && task.reason == "reused");
    const bool running = task.status == "running" || task.status == "unknown";
    Set(index, done ? State::kDone : running ? State::kRunning : State::kFailed);
  }
}

size_t ProgressTable::Find(std::string_view task) const {
  const auto found = index_.find(task);
  return found == index_.end() ? entries_.size() : found->second;
}

void ProgressTable::Set(size_t index, State state) {
  Entry& entry = entries_[index];
  if (entry.state == state) return;
  if (entry.state == State::kFailed) --failed_;
  if (entry.state == State::kDone) {
    --done_;
    for (const uint32_t dependent : entry.dependents) {
      if (entries_[dependent].waits_for++ == 0) ready_.erase(dependent);
    }
  }
  entry.state = state;
  ready_.erase(index);
  begun_.erase(index);
  blocked_.erase(index);
  switch (state) {
    case State::kPending:
      entry.blocked = false;
      if (entry.not_before > absl::InfinitePast()) {
        delayed_.emplace(entry.not_before, index);
      } else if (entry.waits_for == 0) {
        ready_.insert(index);
      }
      break;
    case State::kRunning:
      break;
    case State::kDone:
      ++done_;
      for (const uint32_t dependent : entry.dependents) {
        Entry& next = entries_[dependent];
        if (--next.waits_for == 0 && next.state == State::kPending) ready_.insert(dependent);
      }
      break;
    case State::kFailed:
      ++failed_;
      new_failures_.push_back(index);
      break;
  }
}

void ProgressTable::Apply(const StoredEvent& event, absl::Time now) {
  if (event.task.empty()) return;
  const size_t index = Find(event.task);
  if (index == entries_.size()) return;
  Entry& entry = entries_[index];
  if (event.type == "task.running" || event.type == "task.attached") {
    Set(index, State::kRunning);
  } else if (event.type == "task.succeeded") {
    Set(index, State::kDone);
  } else if (event.type == "task.unknown") {
    entry.not_before = absl::InfinitePast();
    Set(index, State::kPending);
    begun_.insert(index);
  } else if (event.type == "task.retrying") {
    entry.not_before = now + DelayIn(event.data);
    Set(index, State::kPending);
  } else if (event.type == "task.skipped" && TextIn(event.data, "reason") == "reused") {
    Set(index, State::kDone);
  } else {
    Set(index, State::kFailed);
  }
}

const std::set<size_t>& ProgressTable::Ready(absl::Time now) {
  while (!delayed_.empty() && delayed_.begin()->first <= now) {
    const size_t index = delayed_.begin()->second;
    delayed_.erase(delayed_.begin());
    Entry& entry = entries_[index];
    entry.not_before = absl::InfinitePast();
    if (entry.state == State::kPending && entry.waits_for == 0) ready_.insert(index);
  }
  return ready_;
}

std::vector<size_t> ProgressTable::Pending() const {
  std::vector<size_t> pending;
  for (size_t i = 0; i < entries_.size(); ++i) {
    if (entries_[i].state == State::kPending) pending.push_back(i);
  }
  return pending;
}

absl::Time ProgressTable::NextTime() const {
  return delayed_.empty() ? absl::InfiniteFuture() : delayed_.begin()->first;
}

std::vector<std::pair<size_t, std::vector<std::string>>> ProgressTable::TakeBlocked(size_t most) {
  std::vector<size_t> reached = std::exchange(new_failures_, {});
  while (!reached.empty()) {
    const size_t index = reached.back();
    reached.pop_back();
    for (const uint32_t dependent : entries_[index].dependents) {
      Entry& entry = entries_[dependent];
      if (entry.state != State::kPending || entry.blocked) continue;
      entry.blocked = true;
      blocked_.insert(dependent);
      reached.push_back(dependent);
    }
  }
  std::vector<std::pair<size_t, std::vector<std::string>>> result;
  while (!blocked_.empty() && result.size() < most) {
    const size_t index = *blocked_.begin();
    blocked_.erase(blocked_.begin());
    std::vector<std::string> needs;
    for (const uint32_t need : task(index).needs) {
      const Entry& entry = entries_[need];
      if (entry.state == State::kFailed || entry.blocked) needs.push_back(task(need).id);
    }
    result.emplace_back(index, std::move(needs));
  }
  return result;
}

}  // namespace deps
