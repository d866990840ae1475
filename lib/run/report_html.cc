#include "lib/run/report_html.h"

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/time.h"
#include "lib/draw/markup.h"
#include "lib/draw/picture.h"

namespace deps {
namespace {

constexpr std::string_view kHead = R"(<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
:root { color-scheme: light dark; --line: #8888; }
body { font: 15px/1.4 system-ui, sans-serif; margin: 1.5rem; max-width: 80rem; }
h1 { font-size: 1.3rem; } h2 { font-size: 1.05rem; margin-top: 2rem; }
code, td { font-variant-numeric: tabular-nums; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; } td, th { text-align: left; padding: .2rem .8rem .2rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
.succeeded { background: #9bd8a3; } .failed { background: #f2a29b; }
.running { background: #9cc7f5; } .pending { background: #e3e3e3; }
.skipped { background: #d9d2e9; } .canceled { background: #f5d595; }
.unknown { background: #f7b6e0; }
.state { color: #111; padding: 0 .4rem; border-radius: .3rem; }
.bars { display: grid; grid-template-columns: max-content 1fr; gap: .2rem .8rem; }
.bar { position: relative; height: 1.3rem; border-left: 1px solid var(--line); }
.bar span { position: absolute; top: 0; bottom: 0; min-width: 3px; color: #111; font-size: .8rem; white-space: nowrap; }
</style>
)";

std::string State(std::string_view status) {
  return absl::StrCat("<span class=\"state ", status, "\">", status, "</span>");
}

absl::Time TimeOf(const std::string& text) {
  absl::Time time = absl::InfiniteFuture();
  absl::ParseTime(absl::RFC3339_full, text, &time, nullptr);
  return time;
}

std::string Seconds(absl::Duration duration) {
  return absl::StrFormat("%.2f s", absl::ToDoubleSeconds(duration));
}

PictureNode::State StateOf(std::string_view status) {
  using State = PictureNode::State;
  static const auto* const states = new std::map<std::string_view, State>{
      {"pending", State::kPending}, {"running", State::kRunning}, {"succeeded", State::kSucceeded},
      {"skipped", State::kSkipped}, {"failed", State::kFailed},   {"canceled", State::kCanceled},
      {"unknown", State::kUnknown},
  };
  const auto found = states->find(status);
  return found == states->end() ? State::kNone : found->second;
}

Picture TaskGraph(const Plan& plan, const std::map<std::string, const WorkflowTask*>& tasks) {
  Picture picture = {.title = "Tasks", .line_meaning = "runs before"};
  std::map<std::string, size_t> index;
  for (const PlannedTask& task : plan.tasks) {
    const auto found = tasks.find(task.id);
    const std::string status = found == tasks.end() ? "pending" : found->second->status;
    index.emplace(task.id, picture.nodes.size());
    picture.nodes.push_back({.id = task.id,
                             .title = task.id,
                             .subtitle = absl::StrCat(task.action, ": ", status),
                             .state = StateOf(status)});
  }
  for (const PlannedTask& task : plan.tasks) {
    for (const std::string& need : task.needs) {
      picture.edges.push_back({.from = index.at(need), .to = index.at(task.id), .name = task.id});
    }
  }
  return picture;
}

std::string TimeLine(const Workflow& workflow) {
  absl::Time begin = absl::InfiniteFuture();
  absl::Time end = absl::InfinitePast();
  const auto ended = [](const WorkflowTask& task) {
    return task.finished_at.empty() ? TimeOf(task.started_at) : TimeOf(task.finished_at);
  };
  for (const WorkflowTask& task : workflow.tasks) {
    if (task.started_at.empty()) continue;
    begin = std::min(begin, TimeOf(task.started_at));
    end = std::max(end, ended(task));
  }
  if (begin > end) return "<p>No task has started.</p>\n";
  const double total = std::max(absl::ToDoubleSeconds(end - begin), 0.001);
  std::string html = "<div class=\"bars\">\n";
  for (const WorkflowTask& task : workflow.tasks) {
    if (task.started_at.empty()) continue;
    const double left = absl::ToDoubleSeconds(TimeOf(task.started_at) - begin) / total * 100;
    const double width = absl::ToDoubleSeconds(ended(task) - TimeOf(task.started_at)) / total * 100;
    absl::StrAppend(&html, "<div>", Escaped(task.id), "</div><div class=\"bar\"><span class=\"",
                    task.status,
                    absl::StrFormat("\" style=\"left:%.2f%%;width:%.2f%%\">", left, width),
                    task.finished_at.empty() ? "" : Seconds(ended(task) - TimeOf(task.started_at)),
                    "</span></div>\n");
  }
  return html + "</div>\n";
}

std::string TaskRows(const Workflow& workflow) {
  std::string html =
      "<table>\n<tr><th>Task<th>State<th>Attempt<th>Started<th>Exit<th>Reason<th>Message<th>Outputs"
      "</tr>\n";
  for (const WorkflowTask& task : workflow.tasks) {
    std::string outputs;
    for (const auto& [name, output] : task.outputs) {
      absl::StrAppend(&outputs, outputs.empty() ? "" : "<br>", Escaped(name), " = ",
                      output.sensitive
                          ? "<i>sensitive</i>"
                          : Escaped(output.value.has_value() ? output.value->text : ""));
    }
    absl::StrAppend(&html, "<tr><td>", Escaped(task.id), "<td>", State(task.status), "<td>",
                    task.attempt, "<td>", Escaped(task.started_at), "<td>",
                    task.exit_code.has_value() ? absl::StrCat(*task.exit_code) : "", "<td>",
                    Escaped(task.reason), "<td>", Escaped(task.message), "<td>", outputs,
                    "</tr>\n");
  }
  return html + "</table>\n";
}

}  // namespace

std::string FormatWorkflowHtml(const Workflow& workflow, const Plan& plan) {
  std::map<std::string, const WorkflowTask*> tasks;
  std::map<std::string, int64_t> counts;
  for (const WorkflowTask& task : workflow.tasks) {
    tasks[task.id] = &task;
    ++counts[task.status];
  }
  const std::string title =
      absl::StrCat(plan.action, " ", plan.installation.name_space,
                   plan.installation.name_space.empty() ? "" : "/", plan.installation.name);
  std::string html =
      absl::StrCat(kHead, "<title>", Escaped(title), ": ", workflow.status,
                   "</title>\n</head>\n<body>\n<h1>", Escaped(title), " ", State(workflow.status),
                   "</h1>\n<p>Workflow <code>", Escaped(workflow.id), "</code>:");
  for (const auto& [status, count] : counts) {
    absl::StrAppend(&html, " ", count, " ", State(status));
  }
  absl::StrAppend(&html, "</p>\n<h2>Tasks</h2>\n<div class=\"scroll\">",
                  FormatSvg(TaskGraph(plan, tasks)), "</div>\n<h2>Time</h2>\n", TimeLine(workflow),
                  "<h2>Details</h2>\n<div class=\"scroll\">", TaskRows(workflow),
                  "</div>\n</body>\n</html>\n");
  return html;
}

}  // namespace deps
