// The document Workflow (deps-run): what has run, failed, is running, is
// pending. A sensitive output shows as a reference, never as a value.
#ifndef DEPS_LIB_MODEL_WORKFLOW_H_
#define DEPS_LIB_MODEL_WORKFLOW_H_

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "lib/diag/source.h"
#include "lib/io/file.h"
#include "lib/json/json.h"

namespace deps {

struct WorkflowOutput {
  bool sensitive = false;
  std::optional<JsonText> value;  // Only where it is not sensitive.
  std::string ref;                // Only where it is: where the value is kept.
  bool operator==(const WorkflowOutput&) const = default;
};

struct WorkflowTask {
  std::string id;
  std::string status;  // "pending" | "running" | "succeeded" | "failed" | "canceled" | "skipped" |
                       // "unknown"
  int64_t attempt = 0;
  std::string started_at;  // RFC 3339, UTC; "" where not yet.
  std::string finished_at;
  std::optional<int64_t> exit_code;
  std::string reason;   // One word: "bundle", "driver", "upstream", "reused", "interrupted", …
  std::string message;  // For people.
  std::map<std::string, WorkflowOutput> outputs;
  bool operator==(const WorkflowTask&) const = default;
};

struct Workflow {
  std::string id;    // ULID
  std::string plan;  // The plan's digest.
  std::string engine = "local";
  std::string status;               // "pending" | "running" | "succeeded" | "failed" | "canceled"
  std::vector<WorkflowTask> tasks;  // In the plan's order.
  // Of the root, its own and those it promotes; once the workflow succeeded.
  std::map<std::string, WorkflowOutput> outputs;
  bool operator==(const Workflow&) const = default;
};

std::string FormatWorkflow(const Workflow& workflow, json::Style style = json::Style::kPretty);
// The same text, of which no more than a part is in memory.
void FormatWorkflow(const Workflow& workflow, json::Style style, TextSink sink);
absl::StatusOr<Workflow> ParseWorkflow(const Source& source);

}  // namespace deps

#endif  // DEPS_LIB_MODEL_WORKFLOW_H_
