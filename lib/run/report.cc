#include "lib/run/report.h"

#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "lib/base/status_macros.h"
#include "lib/run/runtime_files.h"
#include "lib/text/table.h"

namespace deps {
namespace {

using json::Value;

Value OutputsValue(const std::map<std::string, WorkflowOutput>& items) {
  Value outputs = Value::Object();
  for (const auto& [name, output] : items) {
    Value value = Value::Object();
    if (output.sensitive) {
      value.Set("sensitive", Value::Boolean(true));
      value.Set("ref", Value::String(output.ref));
    } else if (output.value.has_value()) {
      value.Set("value", Value::Of(*output.value));
    }
    outputs.Set(name, std::move(value));
  }
  return outputs;
}

}  // namespace

std::string FormatEvent(const StoredEvent& event) {
  return json::Format(Value::Object({{"seq", Value::Integer(event.seq)},
                                     {"time", Value::String(event.time)},
                                     {"workflow", Value::String(event.workflow)},
                                     {"task", Value::String(event.task)},
                                     {"attempt", Value::Integer(event.attempt)},
                                     {"type", Value::String(event.type)},
                                     {"data", Value::Of(event.data)}}),
                      json::Style::kCompact);
}

std::string FormatWorkflows(const std::vector<StoredWorkflow>& workflows, json::Style style) {
  Value list = Value::Array();
  for (const StoredWorkflow& workflow : workflows) {
    list.items.push_back(Value::Object(
        {{"id", Value::String(workflow.id)},
         {"status", Value::String(workflow.status)},
         {"action", Value::String(workflow.action)},
         {"installation",
          Value::Object({{"namespace", Value::String(workflow.installation.name_space)},
                         {"name", Value::String(workflow.installation.name)}})},
         {"driver", Value::String(workflow.start.driver)},
         {"createdAt", Value::String(workflow.created)},
         {"modifiedAt", Value::String(workflow.modified)}}));
  }
  return json::Format(list, style);
}

std::string FormatWorkflowsTable(const std::vector<StoredWorkflow>& workflows) {
  std::vector<std::vector<std::string>> rows = {
      {"ID", "STATUS", "ACTION", "INSTALLATION", "CREATED"}};
  for (const StoredWorkflow& workflow : workflows) {
    rows.push_back({workflow.id, workflow.status, workflow.action,
                    QualifiedName(workflow.installation), workflow.created});
  }
  return FormatTable(rows);
}

namespace {

// What resuming would do with a task, and why.
std::pair<std::string, std::string> Explained(const WorkflowTask& task) {
  if (task.status == "succeeded") {
    return {"reused",
            absl::StrCat("it succeeded in attempt ", task.attempt, " at ", task.finished_at)};
  }
  if (task.reason == "reused") return {"reused", "its outputs are those of an installation"};
  if (task.status == "unknown") {
    return {"attached", absl::StrCat("the process that started attempt ", task.attempt,
                                     " is gone; what it started is gone on with, or run again "
                                     "where nothing is left of it")};
  }
  if (task.status == "running") return {"left", "a living process runs it"};
  if (task.status == "pending") {
    if (task.reason == "interrupted") return {"attached", "its process is gone"};
    return {"run", "it was not started yet"};
  }
  if (task.status == "failed" && task.reason == "sink") {
    return {"delivered", absl::StrCat("its run succeeded; ", task.message)};
  }
  return {"run", absl::StrCat("it ",
                              task.status == "skipped"  ? "was skipped"
                              : task.status == "failed" ? "failed"
                                                        : "was canceled",
                              " (", task.reason, ")",
                              task.message.empty() ? "" : absl::StrCat(": ", task.message))};
}

}  // namespace

std::string FormatExplanation(const Workflow& workflow, json::Style style) {
  Value list = Value::Array();
  for (const WorkflowTask& task : workflow.tasks) {
    const auto [decision, because] = Explained(task);
    list.items.push_back(Value::Object({{"task", Value::String(task.id)},
                                        {"decision", Value::String(decision)},
                                        {"because", Value::String(because)}}));
  }
  return json::Format(list, style);
}

std::string FormatExplanationTable(const Workflow& workflow) {
  std::vector<std::vector<std::string>> rows = {{"TASK", "DECISION", "BECAUSE"}};
  for (const WorkflowTask& task : workflow.tasks) {
    const auto [decision, because] = Explained(task);
    rows.push_back({task.id, decision, because});
  }
  return FormatTable(rows);
}

std::string FormatWorkflowTable(const Workflow& workflow) {
  std::vector<std::vector<std::string>> rows = {
      {"TASK", "STATUS", "ATTEMPT", "EXIT", "REASON", "MESSAGE"}};
  for (const WorkflowTask& task : workflow.tasks) {
    rows.push_back({task.id, task.status, absl::StrCat(task.attempt),
                    task.exit_code.has_value() ? absl::StrCat(*task.exit_code) : "", task.reason,
                    task.message});
  }
  return absl::StrCat("workflow ", workflow.id, ": ", workflow.status, "\n", FormatTable(rows));
}

std::string FormatInstallationsTable(const std::vector<Installation>& installations) {
  std::vector<std::vector<std::string>> rows = {
      {"NAMESPACE", "NAME", "INSTALLED", "VERSION", "ACTION", "STATUS", "BUNDLE"}};
  for (const Installation& installation : installations) {
    rows.push_back({installation.name.name_space, installation.name.name,
                    installation.IsInstalled() ? "yes" : "no", installation.bundle_version,
                    installation.action, installation.result_status,
                    installation.bundle_reference});
  }
  return FormatTable(rows);
}

std::string FormatOutputs(const Workflow& workflow, const std::string& task, json::Style style) {
  Value all = Value::Object();
  for (const WorkflowTask& item : workflow.tasks) {
    std::map<std::string, WorkflowOutput> outputs = item.outputs;
    // What the root promotes is the root's.
    if (item.id == "root") {
      for (const auto& [name, output] : workflow.outputs) outputs[name] = output;
    }
    if (item.id == task) return json::Format(OutputsValue(outputs), style);
    if (!outputs.empty()) all.members.emplace_back(item.id, OutputsValue(outputs));
  }
  return json::Format(all, style);
}

absl::StatusOr<Workflow> PendingWorkflow(const PlanReader& plan) {
  Workflow workflow = {.id = std::string(26, '0'), .plan = plan.head().digest, .status = "pending"};
  DEPS_RETURN_IF_ERROR(plan.ForEachTask([&](const PlannedTask& task) {
    workflow.tasks.push_back({.id = task.id, .status = "pending"});
    return absl::OkStatus();
  }));
  return workflow;
}

}  // namespace deps
