#include "lib/run/runtime_files.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "lib/model/relocation.h"
#include "lib/state/ulid.h"

namespace deps {
namespace {

using json::Value;

void SetText(Value* object, std::string_view key, const std::string& text) {
  if (!text.empty()) object->Set(key, Value::String(text));
}

// The members that Porter's Run and the CNAB claim share in spirit.
Value ParameterSet(const RunRecord& record) {
  Value parameters = Value::Array();
  for (const auto& [name, value] : record.parameters) {
    const Value parsed = Value::Of(value);
    parameters.items.push_back(Value::Object(
        {{"name", Value::String(name)},
         {"source", Value::Object({{"value", Value::String(parsed.IsString() ? parsed.text
                                                                             : value.text)}})}}));
  }
  return Value::Object(
      {{"schemaType", Value::String("ParameterSet")},
       {"schemaVersion", Value::String("1.1.0")},
       {"name", Value::String(absl::StrCat("internal-parameter-set-", record.run_id))},
       {"parameters", std::move(parameters)}});
}

void TrackBundle(const Bundle& bundle, Installation* installation) {
  const std::string& reference = bundle.reference;
  installation->repository = RepositoryOfReference(reference);
  installation->version.clear();
  installation->digest.clear();
  installation->tag.clear();
  const size_t at = reference.find('@');
  // A digest decides where there is one; the version beside it is for people.
  installation->version = bundle.version;
  if (at != std::string::npos) {
    installation->digest = reference.substr(at + 1);
  } else if (bundle.version.empty() && reference.size() > installation->repository.size()) {
    installation->tag = reference.substr(installation->repository.size() + 1);
  }
  installation->bundle_reference = reference;
  installation->bundle_version = bundle.version;
  installation->bundle_digest = bundle.digest;
}

}  // namespace

std::string RelocationFile(const Bundle& bundle,
                           const std::map<std::string, std::string>& mapping) {
  RelocationMapping used;
  const auto add = [&](const Image& image) {
    const auto entry = mapping.find(image.image);
    if (entry != mapping.end()) used.insert(*entry);
  };
  for (const Image& image : bundle.invocation_images) add(image);
  for (const auto& [name, image] : bundle.images) add(image);
  return used.empty() ? "" : FormatMapping(used);
}

std::string RunDocument(const PlannedTask& task, const RunRecord& record) {
  const InstallationName& name = task.installation.name;
  return json::Canonical(Value::Object(
      {{"schemaVersion", Value::String("1.0.2")},
       {"_id", Value::String(record.run_id)},
       {"created", Value::String(record.created)},
       {"modified", Value::String(record.created)},
       {"namespace", Value::String(name.name_space)},
       {"installation", Value::String(name.name)},
       {"revision", Value::String(record.revision)},
       {"action", Value::String(task.action)},
       {"bundle",
        Value::String(record.bundle_json.empty() ? BundleFile(task.bundle) : record.bundle_json)},
       {"bundleReference", Value::String(task.bundle.reference)},
       {"bundleDigest", Value::String(task.bundle.digest)},
       {"parameters", ParameterSet(record)}}));
}

std::string ResultDocument(const PlannedTask& task, const RunRecord& record,
                           const TaskResult& result) {
  const InstallationName& name = task.installation.name;
  Value outputs = Value::Object();
  for (const StoredOutput& output : result.outputs) {
    outputs.Set(output.name, Value::Object({{"generatedByBundle", Value::String("true")}}));
  }
  Value document = Value::Object({{"schemaVersion", Value::String("1.0.2")},
                                  {"_id", Value::String(record.result_id)},
                                  {"created", Value::String(NowText())},
                                  {"namespace", Value::String(name.name_space)},
                                  {"installation", Value::String(name.name)},
                                  {"runId", Value::String(record.run_id)},
                                  {"status", Value::String(result.status)},
                                  {"outputs", std::move(outputs)}});
  SetText(&document, "message", result.message);
  return json::Canonical(document);
}

std::string RepositoryOfReference(std::string_view reference) {
  reference = reference.substr(0, reference.find('@'));
  const size_t slash = reference.rfind('/');
  const size_t colon = reference.rfind(':');
  if (colon != std::string_view::npos && (slash == std::string_view::npos || colon > slash)) {
    reference = reference.substr(0, colon);
  }
  return std::string(reference);
}

bool Modifies(const PlannedTask& task) {
  const auto custom = task.bundle.actions.find(task.action);
  return custom == task.bundle.actions.end() || custom->second.modifies;
}

Installation ApplyRun(const std::optional<Installation>& before, const PlannedTask& task,
                      const RunRecord& record, const TaskResult& result) {
  Installation after = before.value_or(Installation{});
  const std::string now = NowText();
  if (!before.has_value()) {
    after.id = NewUlid();
    after.name = task.installation.name;
    after.created = now;
  }
  for (const StoredOutput& output : result.outputs) {
    if (std::find(after.outputs.begin(), after.outputs.end(), output.name) == after.outputs.end()) {
      after.outputs.push_back(output.name);
    }
  }
  std::sort(after.outputs.begin(), after.outputs.end());
  after.outputs_known = true;
  if (!Modifies(task)) return after;
  after.modified = now;
  for (const auto& [name, value] : task.installation.labels) after.labels[name] = value;
  TrackBundle(task.bundle, &after);
  after.run_id = record.run_id;
  after.action = task.action;
  after.result_status = result.status;
  if (result.status != "succeeded") return after;
  if (task.action == "install" && !after.IsInstalled()) {
    after.installed_at = now;
    after.uninstalled = false;
  }
  if (task.action == "uninstall") {
    after.uninstalled = true;
    after.uninstalled_at = now;
  }
  return after;
}

}  // namespace deps
