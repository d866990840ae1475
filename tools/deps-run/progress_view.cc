#include "tools/deps-run/progress_view.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "lib/base/steady_clock.h"

namespace deps {
namespace {

constexpr absl::Duration kRedraw = absl::Milliseconds(100);
constexpr std::string_view kClearLine = "\x1b[2K";

struct Size {
  size_t rows = 24;
  size_t columns = 80;
};

Size TerminalSize() {
  winsize size = {};
  if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0 || size.ws_row == 0) {
    return {};
  }
  return {.rows = size.ws_row, .columns = size.ws_col};
}

std::string Kind(const StoredEvent& event) { return event.type.substr(event.type.find('.') + 1); }

bool IsEnd(std::string_view kind) {
  return kind == "succeeded" || kind == "failed" || kind == "canceled" || kind == "skipped";
}

// Ids are of ASCII; a wide character at the edge costs a broken line at most.
std::string Fitted(std::string text, size_t width) {
  if (text.size() <= width) return text;
  text.resize(width - 1);
  return text + ">";
}

}  // namespace

std::string ShortDuration(absl::Duration duration) {
  const double seconds = absl::ToDoubleSeconds(duration);
  if (seconds < 1) return absl::StrFormat("%dms", absl::ToInt64Milliseconds(duration));
  if (seconds < 60) return absl::StrFormat("%.1fs", seconds);
  const int64_t whole = absl::ToInt64Seconds(duration);
  if (whole < 3600) return absl::StrFormat("%dm%02ds", whole / 60, whole % 60);
  return absl::StrFormat("%dh%02dm", whole / 3600, whole / 60 % 60);
}

ProgressView::ProgressView(Terminal& terminal, const Env& env, bool times)
    : terminal_(terminal), env_(env), times_(times), begin_(SteadyNow()) {}

ProgressView::~ProgressView() {
  End();
  if (!over_.empty() && !terminal_.interactive()) terminal_.Say(over_);
}

void ProgressView::Tell(const StoredEvent& event) {
  if (event.task.empty()) {
    const std::string text = absl::StrCat("workflow ", event.workflow, " ", Kind(event));
    if (IsEnd(Kind(event))) {
      over_ = text;
    } else if (!terminal_.interactive()) {
      terminal_.Say(text);
    }
    return;
  }
  absl::Time time;
  if (!absl::ParseTime(absl::RFC3339_full, event.time, &time, nullptr)) time = absl::Now();
  const std::string kind = Kind(event);
  if (kind == "running" || kind == "attached") started_[event.task] = time;
  if (!terminal_.interactive()) Line(event);
  if (IsEnd(kind) && terminal_.interactive()) {
    ended_[event.task] = kind;
  } else {
    ended_.erase(event.task);
  }
  if (kind != "running" && kind != "attached") started_.erase(event.task);
}

void ProgressView::Line(const StoredEvent& event) {
  const std::string kind = Kind(event);
  if (kind == "running") {
    terminal_.Say(absl::StrCat(event.task, " started",
                               event.attempt > 1 ? absl::StrCat(", attempt ", event.attempt) : ""));
    return;
  }
  const auto started = started_.find(event.task);
  absl::Time time;
  const bool timed = times_ && started != started_.end() && kind != "attached" &&
                     absl::ParseTime(absl::RFC3339_full, event.time, &time, nullptr) &&
                     time >= started->second;  // The clock may have been set back.
  terminal_.Say(
      absl::StrCat(event.task, " ", kind,
                   timed ? absl::StrCat(" after ", ShortDuration(time - started->second)) : ""));
}

void ProgressView::Tick(const std::vector<RunningTask>& running) {
  if (!terminal_.interactive() || SteadyNow() < last_drawn_ + kRedraw) return;
  last_drawn_ = SteadyNow();
  Draw(running);
}

void ProgressView::Draw(const std::vector<RunningTask>& running) {
  const Size size = TerminalSize();
  const absl::Time now = SteadyNow();
  std::vector<std::string> lines;
  const size_t room = size.rows > 3 ? size.rows - 3 : 1;
  for (const RunningTask& task : running) {
    if (lines.size() == room) break;
    const std::string time = ShortDuration(now - task.since);
    lines.push_back(absl::StrCat("  ", Fitted(task.id, size.columns - 12), "  ", time));
  }
  std::map<std::string, int64_t> counts;
  for (const auto& [task, status] : ended_) ++counts[status];
  std::vector<std::string> parts = {absl::StrCat(running.size(), " running")};
  for (const auto& [status, count] : counts) parts.push_back(absl::StrCat(count, " ", status));
  const int64_t here = static_cast<int64_t>(ended_.size() + running.size());
  if (total_ > here) parts.push_back(absl::StrCat(total_ - here, " waiting"));
  lines.push_back(Fitted(
      absl::StrCat(absl::StrJoin(parts, ", "), " of ", total_, "  ", ShortDuration(now - begin_)),
      size.columns - 1));
  std::string text = drawn_ > 0 ? absl::StrCat("\x1b[", drawn_, "A") : "";
  for (const std::string& line : lines) absl::StrAppend(&text, kClearLine, line, "\n");
  // Lines of before that are no longer needed.
  absl::StrAppend(&text, "\x1b[J");
  drawn_ = static_cast<int>(lines.size());
  *env_.err << text << std::flush;
}

void ProgressView::End() {
  if (drawn_ == 0) return;
  *env_.err << absl::StrCat("\x1b[", drawn_, "A\x1b[J") << std::flush;
  drawn_ = 0;
}

void ProgressView::Summarize(const Workflow& workflow) {
  over_.clear();
  std::map<std::string, int64_t> counts;
  for (const WorkflowTask& task : workflow.tasks) {
    ++counts[task.reason == "reused" ? "reused" : task.status];
  }
  std::vector<std::string> parts;
  for (const auto& [status, count] : counts) parts.push_back(absl::StrCat(count, " ", status));
  terminal_.Say(absl::StrCat("workflow ", workflow.id, " ", workflow.status, " after ",
                             ShortDuration(SteadyNow() - begin_), ": ",
                             absl::StrJoin(parts, ", ")));
}

}  // namespace deps
