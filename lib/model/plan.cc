#include "lib/model/plan.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "lib/base/parallel.h"
#include "lib/base/status_macros.h"
#include "lib/diag/diagnostic.h"
#include "lib/json/part.h"
#include "lib/json/text_writer.h"
#include "lib/model/bundle_json.h"
#include "lib/model/document.h"
#include "lib/model/edge_json.h"
#include "lib/model/plan_parts.h"
#include "lib/model/planned_task.h"
#include "lib/model/value_source_json.h"

namespace deps {
namespace {

using json::ObjectReader;
using json::TextWriter;
using json::Value;

void WriteName(TextWriter& out, const InstallationName& name) {
  out.Key("namespace");
  out.String(name.name_space);
  out.Key("name");
  out.String(name.name);
}

void WriteInstallation(TextWriter& out, const PlannedInstallation& installation) {
  out.BeginObject();
  WriteName(out, installation.name);
  out.Key("labels");
  WriteStringMap(out, installation.labels);
  out.EndObject();
}

absl::Status InstallationFromJson(const Source& source, const Value& value, std::string pointer,
                                  PlannedInstallation* out) {
  ObjectReader reader(source, value, std::move(pointer));
  reader.Optional("namespace", &out->name.name_space);
  ReadName(reader, "name", &out->name.name);
  reader.Optional("labels", &out->labels);
  return reader.Finish();
}

void WriteOutput(TextWriter& out, const PlannedOutput& output) {
  out.BeginObject();
  WriteUnlessEmpty(out, "path", output.path);
  WriteUnlessEmpty(out, "type", output.type);
  out.Key("sensitive");
  out.Boolean(output.sensitive);
  WriteUnlessEmpty(out, "sink", output.sink);
  out.EndObject();
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

void WriteTask(TextWriter& out, const PlannedTask& task) {
  out.BeginObject();
  out.Key("id");
  out.String(task.id);
  out.Key("action");
  out.String(task.action);
  WriteUnlessEmpty(out, "reason", task.reason);
  out.Key("bundle");
  WriteBundle(out, task.bundle);
  out.Key("installation");
  WriteInstallation(out, task.installation);
  out.Key("needs");
  out.Strings(task.needs);
  out.Key("stage");
  out.Integer(task.stage);
  out.Key("parameters");
  WriteMap(out, task.parameters, WriteValueSource);
  out.Key("credentials");
  WriteMap(out, task.credentials, WriteValueSource);
  out.Key("outputs");
  WriteMap(out, task.outputs, WriteOutput);
  if (!task.dependencies.empty()) {
    out.Key("dependencies");
    WriteMap(out, task.dependencies, WriteBundle);
  }
  out.EndObject();
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
  ReadMap(reader, "dependencies", /*required=*/false, BundleFromJson, &out->dependencies);
  for (const auto& [alias, bundle] : out->dependencies) {
    if (!alias.empty() && alias[0] != '.' && alias.find('/') == std::string::npos) continue;
    reader.Fail(DiagnosticId::kDocumentValue, "dependencies",
                absl::StrCat("'", alias, "' is no name of a folder"));
  }
  return reader.Finish();
}

void WriteUnmappedItem(TextWriter& out, const UnmappedItem& item) {
  out.BeginObject();
  out.Key("task");
  out.String(item.task);
  out.Key("name");
  out.String(item.name);
  out.Key("required");
  out.Boolean(item.required);
  out.EndObject();
}

absl::Status UnmappedItemFromJson(const Source& source, const Value& value, std::string pointer,
                                  UnmappedItem* out) {
  ObjectReader reader(source, value, std::move(pointer));
  ReadName(reader, "task", &out->task);
  ReadName(reader, "name", &out->name);
  reader.Optional("required", &out->required);
  return reader.Finish();
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

void WriteUnmapped(TextWriter& out, const Plan& plan) {
  out.BeginObject();
  out.Key("parameters");
  WriteList(out, plan.unmapped_parameters, WriteUnmappedItem);
  out.Key("credentials");
  WriteList(out, plan.unmapped_credentials, WriteUnmappedItem);
  out.EndObject();
}

struct PlanMember {
  std::string_view key;
  void (*write)(TextWriter& out, const Plan& plan);
};

// In the document's order.
constexpr PlanMember kPlanMembers[] = {
    {"apiVersion", [](TextWriter& out, const Plan&) { out.String(kApiVersion); }},
    {"kind", [](TextWriter& out, const Plan&) { out.String("Plan"); }},
    {"action", [](TextWriter& out, const Plan& plan) { out.String(plan.action); }},
    {"installation",
     [](TextWriter& out, const Plan& plan) {
       out.BeginObject();
       WriteName(out, plan.installation);
       out.EndObject();
     }},
    {"digest", [](TextWriter& out, const Plan& plan) { out.String(plan.digest); }},
    {"tasks", [](TextWriter& out, const Plan& plan) { WriteList(out, plan.tasks, WriteTask); }},
    {"stages",
     [](TextWriter& out, const Plan& plan) {
       out.BeginArray();
       for (const std::vector<std::string>& stage : plan.stages) out.Strings(stage);
       out.EndArray();
     }},
    {"outputs",
     [](TextWriter& out, const Plan& plan) { WriteMap(out, plan.outputs, WriteValueSource); }},
    {"unmapped", WriteUnmapped},
};

// As many as fill a processor's cache with their text.
constexpr size_t kTasksAtOnce = 128;

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

// Writes the list. Much of the text, from its beginning, is given to `sink`.
void WriteTasks(const std::vector<PlannedTask>& tasks, TextWriter& out, TextSink sink) {
  out.BeginArray();
  if (!tasks.empty()) WriteTask(out, tasks.front());
  sink(out.text());
  out.Clear();
  const auto text_of = [&](size_t range) {
    TextWriter part = out;  // Goes on after the first.
    const size_t begin = 1 + range * kTasksAtOnce;
    const size_t end = std::min(begin + kTasksAtOnce, tasks.size());
    for (size_t i = begin; i < end; ++i) WriteTask(part, tasks[i]);
    return part.text();
  };
  UseInOrder((tasks.size() + kTasksAtOnce - 2) / kTasksAtOnce, text_of, sink);
  out.EndArray();
}

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

// The items of its large lists are left empty, for ReadLargeList.
absl::StatusOr<Value> ParsePlanOutline(const Source& source) {
  DEPS_ASSIGN_OR_RETURN(Value document, ParseLargeDocument(source, "Plan"));
  for (const std::string_view small : {"outputs", "unmapped"}) {
    if (Value* const member = document.Find(small)) *member = json::WholeOf(source, *member);
  }
  return document;
}

// All but the tasks.
void ReadHead(ObjectReader& reader, Plan* out) {
  AllowEnvelope(reader);
  ReadName(reader, "action", &out->action);
  ReadPart(reader, "installation", /*required=*/true, InstallationNameFromJson, &out->installation);
  ReadDigest(reader, "digest", /*required=*/true, &out->digest);
  ReadLargeList(reader, "stages", /*required=*/true, StageFromJson, &out->stages);
  ReadMap(reader, "outputs", /*required=*/false, ValueSourceFromJson, &out->outputs);
  ReadUnmapped(reader, out);
}

}  // namespace

absl::Status PlannedTaskFromJson(const Source& source, const Value& value, std::string pointer,
                                 PlannedTask* out) {
  return TaskFromJson(source, value, std::move(pointer), out);
}

std::string FormatPlannedTask(const PlannedTask& task) {
  TextWriter out(json::Style::kCompact);
  WriteTask(out, task);
  return out.text();
}

absl::StatusOr<PlannedTask> ParsePlannedTask(const Source& source) {
  DEPS_ASSIGN_OR_RETURN(const Value value, json::Parse(source));
  PlannedTask task;
  DEPS_RETURN_IF_ERROR(TaskFromJson(source, value, "", &task));
  return task;
}

std::string FormatPlan(const Plan& plan, json::Style style) {
  std::string text;
  FormatPlan(plan, style, [&](std::string_view piece) { text.append(piece); });
  return text;
}

void FormatPlan(const Plan& plan, json::Style style, TextSink sink) {
  TextWriter out(style);
  out.BeginObject();
  for (const PlanMember& member : kPlanMembers) {
    out.Key(member.key);
    if (member.key == "tasks") {
      WriteTasks(plan.tasks, out, sink);
    } else {
      member.write(out, plan);
    }
  }
  out.EndObject();
  sink(out.Finish());
}

PlanDigester::PlanDigester(const Plan& head) : head_(head) {
  UpdateWithMembers(/*before_tasks=*/true);
  digest_.Update(",\"tasks\":[");
}

void PlanDigester::Add(std::string_view tasks) {
  if (!std::exchange(is_first_, false)) digest_.Update(",");
  digest_.Update(tasks);
}

void PlanDigester::Add(const PlannedTask& task) {
  TextWriter out(TextWriter::Form::kCanonical);
  WriteTask(out, task);
  Add(out.text());
}

std::string PlanDigester::Finish() {
  digest_.Update("]");
  UpdateWithMembers(/*before_tasks=*/false);
  digest_.Update("}");
  return digest_.Digest();
}

void PlanDigester::UpdateWithMembers(bool before_tasks) {
  std::vector<PlanMember> members(std::begin(kPlanMembers), std::end(kPlanMembers));
  std::sort(members.begin(), members.end(),
            [](const PlanMember& a, const PlanMember& b) { return a.key < b.key; });
  std::string_view separator = before_tasks ? "{" : ",";
  for (const PlanMember& member : members) {
    if (member.key == "digest" || member.key == "tasks" || (member.key < "tasks") != before_tasks) {
      continue;
    }
    digest_.Update(absl::StrCat(std::exchange(separator, ","), "\"", member.key, "\":"));
    TextWriter out(TextWriter::Form::kCanonical);
    member.write(out, head_);
    digest_.Update(out.text());
  }
}

std::string PlanDigest(const Plan& plan) {
  const size_t count = plan.tasks.size();
  const auto text_of = [&](size_t range) {
    std::string text;
    TextWriter out(TextWriter::Form::kCanonical);
    const size_t begin = range * kTasksAtOnce;
    const size_t end = std::min(begin + kTasksAtOnce, count);
    for (size_t i = begin; i < end; ++i) {
      out.Clear();
      WriteTask(out, plan.tasks[i]);
      absl::StrAppend(&text, i > begin ? "," : "", out.text());
    }
    return text;
  };
  PlanDigester digester(plan);
  UseInOrder((count + kTasksAtOnce - 1) / kTasksAtOnce, text_of,
             [&](std::string_view text) { digester.Add(text); });
  return digester.Finish();
}

absl::StatusOr<Plan> ParsePlanHead(const Source& source) {
  Plan head;
  DEPS_ASSIGN_OR_RETURN(const Value document, ParsePlanOutline(source));
  ObjectReader reader(source, document);
  ReadHead(reader, &head);
  reader.Ignore("tasks");
  DEPS_RETURN_IF_ERROR(reader.Finish());
  return head;
}

absl::StatusOr<Plan> ParsePlan(const Source& source) {
  DEPS_ASSIGN_OR_RETURN(const Value document, ParsePlanOutline(source));
  Plan plan;
  ObjectReader reader(source, document);
  ReadHead(reader, &plan);
  ReadLargeList(reader, "tasks", /*required=*/true, TaskFromJson, &plan.tasks);
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
