#include <utility>

#include "absl/strings/str_cat.h"
#include "lib/diag/diagnostic.h"
#include "lib/model/document.h"
#include "lib/model/value_source_json.h"

namespace deps {
namespace {

using json::ObjectReader;
using json::TextWriter;
using json::Value;
using Kind = ValueSource::Kind;

constexpr std::pair<Kind, std::string_view> kKinds[] = {
    {Kind::kValue, "value"},           {Kind::kOutput, "output"}, {Kind::kParameter, "parameter"},
    {Kind::kCredential, "credential"}, {Kind::kSecret, "secret"}, {Kind::kTemplate, "template"},
};

std::string_view NameOf(Kind kind) { return kKinds[static_cast<size_t>(kind)].second; }

void WriteItem(TextWriter& out, const TaskItem& item) {
  out.BeginObject();
  out.Key("task");
  out.String(item.task);
  out.Key("name");
  out.String(item.name);
  out.EndObject();
}

absl::Status ItemFromJson(const Source& source, const Value& value, std::string pointer,
                          TaskItem* out) {
  ObjectReader reader(source, value, std::move(pointer));
  ReadName(reader, "task", &out->task);
  ReadName(reader, "name", &out->name);
  return reader.Finish();
}

// Finds the one member that says what kind of source this is.
bool ReadKind(ObjectReader& reader, Kind* out) {
  int found = 0;
  for (const auto& [kind, name] : kKinds) {
    if (reader.Any(name) == nullptr) continue;
    *out = kind;
    ++found;
  }
  if (found == 1) return true;
  reader.Fail(DiagnosticId::kDocumentValue, "",
              absl::StrCat("expected exactly one of value, output, parameter, credential, secret, "
                           "template, found ",
                           found == 0 ? "none" : "several"));
  return false;
}

}  // namespace

void WriteValueSource(TextWriter& out, const ValueSource& value_source) {
  out.BeginObject();
  const std::string_view name = NameOf(value_source.kind);
  switch (value_source.kind) {
    case Kind::kValue:
      out.Key(name);
      out.Json(value_source.value);
      break;
    case Kind::kOutput:
    case Kind::kParameter:
    case Kind::kCredential:
      out.Key(name);
      WriteItem(out, value_source.item);
      break;
    case Kind::kSecret:
      out.Key(name);
      out.String(value_source.text);
      break;
    case Kind::kTemplate:
      out.Key(name);
      out.String(value_source.text);
      out.Key("inputs");
      WriteMap(out, value_source.inputs, WriteValueSource);
      break;
  }
  out.EndObject();
}

absl::Status ValueSourceFromJson(const Source& source, const Value& value, std::string pointer,
                                 ValueSource* out) {
  ObjectReader reader(source, value, std::move(pointer));
  if (!value.IsObject() || !ReadKind(reader, &out->kind)) return reader.status();
  const std::string_view name = NameOf(out->kind);
  switch (out->kind) {
    case Kind::kValue:
      out->value = json::ToText(*reader.Any(name));
      break;
    case Kind::kOutput:
    case Kind::kParameter:
    case Kind::kCredential:
      ReadPart(reader, name, /*required=*/true, ItemFromJson, &out->item);
      break;
    case Kind::kSecret:
      ReadName(reader, name, &out->text);
      break;
    case Kind::kTemplate:
      reader.Required(name, &out->text);
      ReadMap(reader, "inputs", /*required=*/false, ValueSourceFromJson, &out->inputs);
      break;
  }
  return reader.Finish();
}

}  // namespace deps
