// Documents about the state: lists of workflows, events, values of outputs.
#ifndef DEPS_LIB_RUN_REPORT_H_
#define DEPS_LIB_RUN_REPORT_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "lib/json/json.h"
#include "lib/model/plan_reader.h"
#include "lib/model/workflow.h"
#include "lib/state/store.h"

namespace deps {

// {"seq","time","workflow","task","attempt","type","data"} as one line.
std::string FormatEvent(const StoredEvent& event);

// A JSON array of {"id","status","action","installation","driver","createdAt",
// "modifiedAt"}.
std::string FormatWorkflows(const std::vector<StoredWorkflow>& workflows, json::Style style);
std::string FormatWorkflowsTable(const std::vector<StoredWorkflow>& workflows);
std::string FormatWorkflowTable(const Workflow& workflow);
// What 'resume' would do with each task, and why: an array of {"task",
// "decision": "reused" | "run" | "attached" | "delivered" | "left", "because"}.
std::string FormatExplanation(const Workflow& workflow, json::Style style);
std::string FormatExplanationTable(const Workflow& workflow);
std::string FormatInstallationsTable(const std::vector<Installation>& installations);

// {TASK: {NAME: {"value"} | {"sensitive","ref"}}} of all tasks, or of `task`
// alone {NAME: …}.
std::string FormatOutputs(const Workflow& workflow, const std::string& task, json::Style style);

// A workflow of `plan` in which nothing has happened.
absl::StatusOr<Workflow> PendingWorkflow(const PlanReader& plan);

}  // namespace deps

#endif  // DEPS_LIB_RUN_REPORT_H_
