// The document Plan (deps-plan): the tasks that bring a solution about, and
// where each of their inputs comes from. A plan never holds a secret's value.
#ifndef DEPS_LIB_MODEL_PLAN_H_
#define DEPS_LIB_MODEL_PLAN_H_

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "lib/diag/source.h"
#include "lib/io/file.h"
#include "lib/json/json.h"
#include "lib/model/bundle.h"
#include "lib/model/graph.h"

namespace deps {

// Names an input or output of a task.
struct TaskItem {
  std::string task;
  std::string name;
  bool operator==(const TaskItem&) const = default;
};

// Where a value comes from. Exactly one kind.
struct ValueSource {
  enum class Kind { kValue, kOutput, kParameter, kCredential, kSecret, kTemplate };
  Kind kind = Kind::kValue;
  JsonText value;    // kValue
  TaskItem item;     // kOutput, kParameter, kCredential
  std::string text;  // kSecret: PROVIDER:LOCATOR[#FIELD][?version=N]; kTemplate: text with ${input}
  std::map<std::string, ValueSource> inputs;  // kTemplate
  bool operator==(const ValueSource&) const = default;
};

struct PlannedOutput {
  std::string path;
  std::string type;
  bool sensitive = false;
  std::string sink;  // PROVIDER:LOCATOR; "" keeps it in the state (sealed where sensitive).
  bool operator==(const PlannedOutput&) const = default;
};

struct PlannedInstallation {
  InstallationName name;
  std::map<std::string, std::string> labels;
  bool operator==(const PlannedInstallation&) const = default;
};

struct PlannedTask {
  std::string id;      // The node's id.
  std::string action;  // "install" | "upgrade" | "uninstall" | "skip" | a custom one
  std::string reason;  // One sentence where the action is not the plan's own; "" else.
  Bundle bundle;       // With parameters, credentials and outputs as the runtime needs them.
  PlannedInstallation installation;
  std::vector<std::string> needs;  // Ids, sorted.
  int64_t stage = 0;               // 0 needs nothing; else 1 + the highest of its needs.
  std::map<std::string, ValueSource> parameters;
  std::map<std::string, ValueSource> credentials;
  std::map<std::string, PlannedOutput> outputs;
  // By alias, those that are no tasks of this plan: it is what remains of another.
  std::map<std::string, Bundle> dependencies;
  bool operator==(const PlannedTask&) const = default;
};

struct UnmappedItem {
  std::string task;
  std::string name;
  bool required = false;
  bool operator==(const UnmappedItem&) const = default;
};

struct Plan {
  std::string action;
  InstallationName installation;
  // SHA-256 of the canonical document without this member.
  std::string digest;
  std::vector<PlannedTask> tasks;                // By (stage, id).
  std::vector<std::vector<std::string>> stages;  // Ids; those of one stage may run in parallel.
  std::map<std::string, ValueSource> outputs;    // Of the root: its own and promoted ones.
  std::vector<UnmappedItem> unmapped_parameters;
  std::vector<UnmappedItem> unmapped_credentials;
  bool operator==(const Plan&) const = default;
};

// FormatPlan writes `plan.digest` as it is; see PlanDigest.
std::string FormatPlan(const Plan& plan, json::Style style = json::Style::kPretty);
// The same text, of which no more than a part is in memory.
void FormatPlan(const Plan& plan, json::Style style, TextSink sink);
// "sha256:…" over the canonical JSON of the plan without its digest.
std::string PlanDigest(const Plan& plan);
// Errors: those of json; document-kind; digest-mismatch where the digest is not
// that of the content.
absl::StatusOr<Plan> ParsePlan(const Source& source);
// All but the tasks, of a document whose tasks are elsewhere. Errors: those of
// json; document-kind.
absl::StatusOr<Plan> ParsePlanHead(const Source& source);

}  // namespace deps

#endif  // DEPS_LIB_MODEL_PLAN_H_
