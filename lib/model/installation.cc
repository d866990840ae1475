#include "lib/model/installation.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "lib/base/status_macros.h"
#include "lib/diag/diagnostic.h"
#include "lib/model/document.h"

namespace deps {
namespace {

using json::ObjectReader;
using json::Value;

bool ParseTime(const std::string& text, absl::Time* time) {
  return absl::ParseTime(absl::RFC3339_full, text, time, nullptr);
}

// Porter's programs write null for what they do not have.
void RemoveNulls(Value& value) {
  for (Value& item : value.items) RemoveNulls(item);
  value.members.erase(
      std::remove_if(value.members.begin(), value.members.end(),
                     [](const json::Member& m) { return m.second.kind == json::Kind::kNull; }),
      value.members.end());
  for (json::Member& member : value.members) RemoveNulls(member.second);
}

void ReadTime(ObjectReader& reader, std::string_view key, std::string* out) {
  reader.Optional(key, out);
  absl::Time time;
  if (!out->empty() && !ParseTime(*out, &time)) {
    reader.Fail(DiagnosticId::kDocumentValue, key,
                absl::StrCat("expected a time as RFC 3339 has it, found '", *out, "'"));
  }
}

absl::Status BundleFromJson(const Source& source, const Value& value, std::string pointer,
                            Installation* out) {
  ObjectReader reader(source, value, std::move(pointer));
  reader.Optional("repository", &out->repository);
  reader.Optional("version", &out->version);
  reader.Optional("digest", &out->digest);
  reader.Optional("tag", &out->tag);
  reader.IgnoreRest();
  return reader.Finish();
}

// The mode is a word in PEP003 and a truth value in Porter's types.
absl::Status SharingFromJson(const Source& source, const Value& value, std::string pointer,
                             std::optional<Sharing>* out) {
  ObjectReader reader(source, value, std::move(pointer));
  Sharing& sharing = out->emplace();
  const Value* mode = reader.Any("mode");
  if (mode != nullptr && mode->kind == json::Kind::kBoolean) {
    bool shared = false;
    reader.Optional("mode", &shared);
    sharing.mode = shared ? Sharing::Mode::kGroup : Sharing::Mode::kNone;
  } else if (mode != nullptr) {
    std::string word;
    ReadChoice(reader, "mode", /*required=*/false, {"none", "group"}, &word);
    sharing.mode = word == "none" ? Sharing::Mode::kNone : Sharing::Mode::kGroup;
  }
  if (const Value* group = reader.Object("group")) {
    ObjectReader name(source, *group, reader.Pointer("group"));
    name.Optional("name", &sharing.group);
    name.IgnoreRest();
    reader.Check(name.Finish());
  }
  reader.IgnoreRest();
  return reader.Finish();
}

absl::Status StatusFromJson(const Source& source, const Value& value, std::string pointer,
                            Installation* out) {
  ObjectReader reader(source, value, std::move(pointer));
  reader.Optional("runId", &out->run_id);
  reader.Optional("action", &out->action);
  reader.Optional("resultStatus", &out->result_status);
  ReadTime(reader, "created", &out->created);
  ReadTime(reader, "modified", &out->modified);
  ReadTime(reader, "installed", &out->installed_at);
  ReadTime(reader, "uninstalled", &out->uninstalled_at);
  reader.Optional("bundleReference", &out->bundle_reference);
  reader.Optional("bundleVersion", &out->bundle_version);
  reader.Optional("bundleDigest", &out->bundle_digest);
  reader.IgnoreRest();
  return reader.Finish();
}

absl::Status InstallationFromJson(const Source& source, const Value& value, std::string pointer,
                                  Installation* out) {
  ObjectReader reader(source, value, std::move(pointer));
  reader.Optional("id", &out->id);
  reader.Optional("namespace", &out->name.name_space);
  ReadName(reader, "name", &out->name.name);
  reader.Optional("uninstalled", &out->uninstalled);
  ReadPart(reader, "bundle", /*required=*/false, BundleFromJson, out);
  reader.Optional("labels", &out->labels);
  ReadPart(reader, "sharing", /*required=*/false, SharingFromJson, &out->sharing);
  ReadPart(reader, "status", /*required=*/false, StatusFromJson, out);
  out->outputs_known = reader.Any("outputs") != nullptr;
  reader.Optional("outputs", &out->outputs);
  reader.IgnoreRest();
  return reader.Finish();
}

Value BundleToJson(const Installation& installation) {
  Value bundle = Value::Object();
  SetUnlessEmpty(bundle, "repository", installation.repository);
  SetUnlessEmpty(bundle, "version", installation.version);
  SetUnlessEmpty(bundle, "digest", installation.digest);
  SetUnlessEmpty(bundle, "tag", installation.tag);
  return bundle;
}

Value SharingToJson(const Sharing& sharing) {
  Value value = Value::Object();
  const bool none = sharing.mode == Sharing::Mode::kNone;
  value.Set("mode", Value::String(none ? "none" : "group"));
  Value group = Value::Object();
  SetUnlessEmpty(group, "name", sharing.group);
  value.Set("group", std::move(group));
  return value;
}

Value TimeOrNull(const std::string& time) {
  return time.empty() ? Value::Null() : Value::String(time);
}

Value StatusToJson(const Installation& installation) {
  Value status = Value::Object();
  status.Set("runId", Value::String(installation.run_id));
  status.Set("action", Value::String(installation.action));
  status.Set("resultStatus", Value::String(installation.result_status));
  SetUnlessEmpty(status, "created", installation.created);
  SetUnlessEmpty(status, "modified", installation.modified);
  status.Set("installed", TimeOrNull(installation.installed_at));
  status.Set("uninstalled", TimeOrNull(installation.uninstalled_at));
  status.Set("bundleReference", Value::String(installation.bundle_reference));
  status.Set("bundleVersion", Value::String(installation.bundle_version));
  status.Set("bundleDigest", Value::String(installation.bundle_digest));
  return status;
}

absl::StatusOr<std::vector<Installation>> ReadAll(const Source& source, Value document) {
  RemoveNulls(document);
  std::vector<Installation> installations;
  if (!document.IsArray()) {
    DEPS_RETURN_IF_ERROR(InstallationFromJson(source, document, "", &installations.emplace_back()));
    return installations;
  }
  absl::Status status;
  for (size_t i = 0; i < document.items.size() && status.ok(); ++i) {
    status = InstallationFromJson(source, document.items[i], json::PointerStep(i),
                                  &installations.emplace_back());
  }
  DEPS_RETURN_IF_ERROR(status);
  return installations;
}

// Moves what was found in one line to that line of the file.
absl::Status AtLine(const absl::Status& status, int line) {
  std::vector<Diagnostic> diagnostics = DiagnosticsOf(status);
  for (Diagnostic& diagnostic : diagnostics) diagnostic.location.line = line;
  return MakeErrors(std::move(diagnostics));
}

absl::StatusOr<std::vector<Installation>> ReadLines(const Source& source) {
  std::vector<Installation> installations;
  int line = 0;
  for (const absl::string_view text : absl::StrSplit(source.text, '\n')) {
    ++line;
    if (text.find_first_not_of(" \t\r") == absl::string_view::npos) continue;
    const Source one = {.name = source.name, .text = std::string(text)};
    absl::StatusOr<Value> document = json::Parse(one);
    if (!document.ok()) return AtLine(document.status(), line);
    absl::StatusOr<std::vector<Installation>> read = ReadAll(one, *std::move(document));
    if (!read.ok()) return AtLine(read.status(), line);
    installations.insert(installations.end(), read->begin(), read->end());
  }
  return installations;
}

// Whether the first line that is not blank is a whole JSON object.
bool IsJsonLines(const std::string& text) {
  const size_t start = text.find_first_not_of(" \t\r\n");
  if (start == std::string::npos) return true;
  if (text[start] != '{') return false;
  return json::Parse({.name = "", .text = text.substr(start, text.find('\n', start) - start)}).ok();
}

}  // namespace

bool Installation::IsInstalled() const {
  absl::Time installed;
  if (!ParseTime(installed_at, &installed)) return false;
  absl::Time uninstalled;
  return !ParseTime(uninstalled_at, &uninstalled) || installed > uninstalled;
}

std::optional<std::string> Installation::Group() const {
  if (sharing) {
    return sharing->mode == Sharing::Mode::kGroup ? std::optional(sharing->group) : std::nullopt;
  }
  const auto label = labels.find(std::string(kSharingGroupLabel));
  if (label != labels.end()) return label->second;
  if (labels.count(std::string(kParentInstallationLabel)) > 0) return std::nullopt;
  return "";
}

std::string Installation::DisplayName() const {
  return absl::StrCat(name.name_space, "/", name.name);
}

Value InstallationToJson(const Installation& installation) {
  Value value = Value::Object();
  SetUnlessEmpty(value, "id", installation.id);
  value.Set("schemaType", Value::String("Installation"));
  value.Set("schemaVersion", Value::String("1.0.2"));
  value.Set("name", Value::String(installation.name.name));
  value.Set("namespace", Value::String(installation.name.name_space));
  SetIfTrue(value, "uninstalled", installation.uninstalled);
  value.Set("bundle", BundleToJson(installation));
  if (!installation.labels.empty()) value.Set("labels", Value::StringMap(installation.labels));
  if (installation.sharing) value.Set("sharing", SharingToJson(*installation.sharing));
  value.Set("status", StatusToJson(installation));
  if (installation.outputs_known) value.Set("outputs", Value::Strings(installation.outputs));
  return value;
}

std::string FormatInstallations(const std::vector<Installation>& installations, json::Style style) {
  std::vector<const Installation*> sorted;
  sorted.reserve(installations.size());
  for (const Installation& installation : installations) sorted.push_back(&installation);
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const Installation* a, const Installation* b) { return a->name < b->name; });
  Value list = Value::Array();
  for (const Installation* installation : sorted) {
    list.items.push_back(InstallationToJson(*installation));
  }
  return json::Format(list, style);
}

absl::StatusOr<std::vector<Installation>> ParseInstallations(const Source& source) {
  if (IsJsonLines(source.text)) return ReadLines(source);
  DEPS_ASSIGN_OR_RETURN(Value document, json::Parse(source));
  return ReadAll(source, std::move(document));
}

}  // namespace deps
