#include "lib/model/plan.h"

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "lib/base/status_macros.h"
#include "lib/diag/diagnostic.h"
#include "lib/digest/sha256.h"
#include "lib/json/object_writer.h"
#include "lib/json/part.h"
#include "lib/model/bundle_json.h"
#include "lib/model/document.h"
#include "lib/model/edge_json.h"
#include "lib/model/planned_task.h"
#include "lib/model/value_source_json.h"

namespace deps {
namespace {

using json::ObjectReader;
using json::Value;

Value InstallationToJson(const PlannedInstallation& installation) {
  Value value = InstallationNameToJson(installation.name);
  value.Set("labels", Value::StringMap(installation.labels));
  return value;
}

absl::Status InstallationFromJson(const Source& source, const Value& value, std::string pointer,
                                  PlannedInstallation* out) {
  ObjectReader reader(source, value, std::move(pointer));
  reader.Optional("namespace", &out->name.name_space);
  ReadName(reader, "name", &out->name.name);
  reader.Optional("labels", &out->labels);
  return reader.Finish();
}

Value OutputToJson(const PlannedOutput& output) {
  Value value = Value::Object();
  SetUnlessEmpty(value, "path", output.path);
  SetUnlessEmpty(value, "type", output.type);
  value.Set("sensitive", Value::Boolean(output.sensitive));
  SetUnlessEmpty(value, "sink", output.sink);
  return value;
}

absl::Status OutputFromJson(const Source& source, const Value& value, std::string pointer,
                            PlannedOutput* out) {
  ObjectReader reader(source, value, std::move(pointer));
  reader.Optional("path", &out->path);
  reader.Optional("type", &out->type);
  reader.Optional("sensitive", &out->sensitive);
  reader.Optional("sink", &out->sink);
  return reader.Finish();
}

Value TaskToJson(const PlannedTask& task) {
  Value value = Value::Object();
  value.Set("id", Value::String(task.id));
  value.Set("action", Value::String(task.action));
  SetUnlessEmpty(value, "reason", task.reason);
  value.Set("bundle", BundleToJson(task.bundle));
  value.Set("installation", InstallationToJson(task.installation));
  value.Set("needs", Value::Strings(task.needs));
  value.Set("stage", Value::Integer(task.stage));
  value.Set("parameters", MapToJson(task.parameters, ValueSourceToJson));
  value.Set("credentials", MapToJson(task.credentials, ValueSourceToJson));
  value.Set("outputs", MapToJson(task.outputs, OutputToJson));
  return value;
}

absl::Status TaskFromJson(const Source& source, const Value& value, std::string pointer,
                          PlannedTask* out) {
  ObjectReader reader(source, value, std::move(pointer));
  ReadName(reader, "id", &out->id);
  ReadName(reader, "action", &out->action);
  reader.Optional("reason", &out->reason);
  ReadPart(reader, "bundle", /*required=*/true, BundleFromJson, &out->bundle);
  ReadPart(reader, "installation", /*required=*/true, InstallationFromJson, &out->installation);
  reader.Required("needs", &out->needs);
  ReadCount(reader, "stage", /*required=*/true, &out->stage);
  ReadMap(reader, "parameters", /*required=*/false, ValueSourceFromJson, &out->parameters);
  ReadMap(reader, "credentials", /*required=*/false, ValueSourceFromJson, &out->credentials);
  ReadMap(reader, "outputs", /*required=*/false, OutputFromJson, &out->outputs);
  return reader.Finish();
}

Value UnmappedItemToJson(const UnmappedItem& item) {
  Value value = Value::Object();
  value.Set("task", Value::String(item.task));
  value.Set("name", Value::String(item.name));
  value.Set("required", Value::Boolean(item.required));
  return value;
}

absl::Status UnmappedItemFromJson(const Source& source, const Value& value, std::string pointer,
                                  UnmappedItem* out) {
  ObjectReader reader(source, value, std::move(pointer));
  ReadName(reader, "task", &out->task);
  ReadName(reader, "name", &out->name);
  reader.Optional("required", &out->required);
  return reader.Finish();
}

Value StagesToJson(const std::vector<std::vector<std::string>>& stages) {
  Value value = Value::Array();
  for (const std::vector<std::string>& stage : stages) value.items.push_back(Value::Strings(stage));
  return value;
}

absl::Status StageFromJson(const Source& source, const Value& value, std::string pointer,
                           std::vector<std::string>* out) {
  const auto type_error = [&](const Value& wrong, std::string_view expected) {
    return MakeError(
        {.id = DiagnosticId::kDocumentType,
         .message = absl::StrCat("expected ", expected, ", found ", json::KindName(wrong.kind)),
         .location = source.At(wrong.offset, pointer)});
  };
  if (!value.IsArray()) return type_error(value, "an array");
  for (const Value& item : value.items) {
    if (!item.IsString()) return type_error(item, "a string");
    out->push_back(item.text);
  }
  return absl::OkStatus();
}

// Without the tasks, which are most of it.
Value HeadToJson(const Plan& plan) {
  Value document = NewDocument("Plan");
  document.Set("action", Value::String(plan.action));
  document.Set("installation", InstallationNameToJson(plan.installation));
  document.Set("digest", Value::String(plan.digest));
  document.Set("tasks", Value::Array());
  document.Set("stages", StagesToJson(plan.stages));
  document.Set("outputs", MapToJson(plan.outputs, ValueSourceToJson));
  Value unmapped = Value::Object();
  unmapped.Set("parameters", ListToJson(plan.unmapped_parameters, UnmappedItemToJson));
  unmapped.Set("credentials", ListToJson(plan.unmapped_credentials, UnmappedItemToJson));
  document.Set("unmapped", std::move(unmapped));
  return document;
}

// Checks that the tasks of a plan can be run in the order of its stages.
class PlanChecker {
 public:
  PlanChecker(ObjectReader& reader, const Plan& plan) : reader_(reader), plan_(plan) {}

  void Check() {
    for (const PlannedTask& task : plan_.tasks) {
      if (!stage_of_.emplace(task.id, task.stage).second) {
        Fail("tasks", absl::StrCat("two tasks have the id '", task.id, "'"));
      }
    }
    for (const PlannedTask& task : plan_.tasks) CheckTask(task);
    CheckSources("outputs", "outputs", plan_.outputs);
    CheckStages();
  }

 private:
  void Fail(std::string_view key, std::string message) {
    reader_.Fail(DiagnosticId::kDocumentValue, key, std::move(message));
  }

  void CheckTask(const PlannedTask& task) {
    for (const std::string& need : task.needs) {
      const auto it = stage_of_.find(need);
      if (it == stage_of_.end()) {
        Fail("tasks", absl::StrCat("task '", task.id, "' needs '", need, "', which is no task"));
      } else if (it->second >= task.stage) {
        Fail("tasks", absl::StrCat("task '", task.id, "' of stage ", task.stage, " needs '", need,
                                   "' of stage ", it->second));
      }
    }
    CheckSources("tasks", absl::StrCat("task '", task.id, "'"), task.parameters);
    CheckSources("tasks", absl::StrCat("task '", task.id, "'"), task.credentials);
  }

  void CheckSources(std::string_view key, const std::string& reading,
                    const std::map<std::string, ValueSource>& sources) {
    for (const auto& [name, source] : sources) {
      CheckSources(key, reading, source.inputs);
      if (source.item.task.empty() || stage_of_.contains(source.item.task)) continue;
      Fail(key, absl::StrCat(reading, " takes '", name, "' from '", source.item.task,
                             "', which is no task"));
    }
  }

  void CheckStages() {
    size_t count = 0;
    for (size_t i = 0; i < plan_.stages.size(); ++i) {
      for (const std::string& id : plan_.stages[i]) {
        ++count;
        const auto it = stage_of_.find(id);
        if (it == stage_of_.end()) {
          Fail("stages", absl::StrCat("stage ", i, " lists '", id, "', which is no task"));
        } else if (it->second != static_cast<int64_t>(i)) {
          Fail("stages", absl::StrCat("stage ", i, " lists task '", id, "' of stage ", it->second));
        }
      }
    }
    if (count != plan_.tasks.size()) {
      Fail("stages",
           absl::StrCat("the stages list ", count, " tasks, the plan has ", plan_.tasks.size()));
    }
  }

  ObjectReader& reader_;
  const Plan& plan_;
  absl::flat_hash_map<std::string_view, int64_t> stage_of_;
};

void ReadUnmapped(ObjectReader& reader, Plan* out) {
  const Value* value = reader.Object("unmapped");
  if (value == nullptr) return;
  ObjectReader unmapped(reader.source(), *value, reader.Pointer("unmapped"));
  ReadList(unmapped, "parameters", /*required=*/false, UnmappedItemFromJson,
           &out->unmapped_parameters);
  ReadList(unmapped, "credentials", /*required=*/false, UnmappedItemFromJson,
           &out->unmapped_credentials);
  reader.Check(unmapped.Finish());
}

}  // namespace

absl::Status PlannedTaskFromJson(const Source& source, const Value& value, std::string pointer,
                                 PlannedTask* out) {
  return TaskFromJson(source, value, std::move(pointer), out);
}

std::string FormatPlan(const Plan& plan, json::Style style) {
  json::ObjectWriter writer(style);
  for (const auto& [key, value] : HeadToJson(plan).members) {
    if (key == "tasks") {
      writer.List(key, plan.tasks.size(), [&](size_t i) { return TaskToJson(plan.tasks[i]); });
    } else {
      writer.Member(key, value);
    }
  }
  return writer.Finish();
}

std::string PlanDigest(const Plan& plan) {
  // The canonical text goes by in pieces: that of a large plan takes longer to be
  // kept than to be made. All keys of this object are ASCII.
  Value head = HeadToJson(plan);
  std::sort(head.members.begin(), head.members.end(),
            [](const json::Member& a, const json::Member& b) { return a.first < b.first; });
  Sha256 digest;
  std::string_view separator = "{";
  for (const auto& [key, value] : head.members) {
    if (key == "digest") continue;
    digest.Update(absl::StrCat(separator, "\"", key, "\":"));
    separator = ",";
    if (key != "tasks") {
      digest.Update(json::Canonical(value));
      continue;
    }
    digest.Update("[");
    for (const PlannedTask& task : plan.tasks) {
      if (&task != plan.tasks.data()) digest.Update(",");
      digest.Update(json::Canonical(TaskToJson(task)));
    }
    digest.Update("]");
  }
  digest.Update("}");
  return digest.Digest();
}

absl::StatusOr<Plan> ParsePlan(const Source& source) {
  DEPS_ASSIGN_OR_RETURN(Value document, ParseLargeDocument(source, "Plan"));
  for (const std::string_view small : {"outputs", "unmapped"}) {
    if (Value* const member = document.Find(small)) *member = json::WholeOf(source, *member);
  }
  Plan plan;
  ObjectReader reader(source, document);
  AllowEnvelope(reader);
  ReadName(reader, "action", &plan.action);
  ReadPart(reader, "installation", /*required=*/true, InstallationNameFromJson, &plan.installation);
  ReadDigest(reader, "digest", /*required=*/true, &plan.digest);
  ReadLargeList(reader, "tasks", /*required=*/true, TaskFromJson, &plan.tasks);
  ReadLargeList(reader, "stages", /*required=*/true, StageFromJson, &plan.stages);
  ReadMap(reader, "outputs", /*required=*/false, ValueSourceFromJson, &plan.outputs);
  ReadUnmapped(reader, &plan);
  if (reader.status().ok()) PlanChecker(reader, plan).Check();
  DEPS_RETURN_IF_ERROR(reader.Finish());
  if (const std::string digest = PlanDigest(plan); digest != plan.digest) {
    reader.Fail(DiagnosticId::kDigestMismatch, "digest",
                absl::StrCat("the plan's content has the digest ", digest));
    return reader.status();
  }
  return plan;
}

}  // namespace deps
