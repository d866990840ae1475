#include <utility>

#include "lib/model/document.h"
#include "lib/model/edge_json.h"

namespace deps {
namespace {

using json::ObjectReader;
using json::Value;

Value SharingToJson(const Sharing& sharing) {
  Value value = Value::Object();
  if (sharing.mode == Sharing::Mode::kNone) {
    value.Set("mode", Value::String("none"));
  } else {
    value.Set("mode", Value::String("group"));
    value.Set("group", Value::String(sharing.group));
  }
  return value;
}

absl::Status SharingFromJson(const Source& source, const Value& value, std::string pointer,
                             Sharing* out) {
  ObjectReader reader(source, value, std::move(pointer));
  std::string mode;
  ReadChoice(reader, "mode", /*required=*/true, {"none", "group"}, &mode);
  out->mode = mode == "none" ? Sharing::Mode::kNone : Sharing::Mode::kGroup;
  if (out->mode == Sharing::Mode::kGroup) reader.Optional("group", &out->group);
  return reader.Finish();
}

Value NamesToJson(const InterfaceNames& names) {
  Value value = Value::Object();
  if (!names.outputs.empty()) value.Set("outputs", Value::StringMap(names.outputs));
  if (!names.parameters.empty()) value.Set("parameters", Value::StringMap(names.parameters));
  if (!names.credentials.empty()) value.Set("credentials", Value::StringMap(names.credentials));
  return value;
}

absl::Status NamesFromJson(const Source& source, const Value& value, std::string pointer,
                           InterfaceNames* out) {
  ObjectReader reader(source, value, std::move(pointer));
  reader.Optional("outputs", &out->outputs);
  reader.Optional("parameters", &out->parameters);
  reader.Optional("credentials", &out->credentials);
  return reader.Finish();
}

void SetRequirement(Value& value, const Edge& edge) {
  value.Set("alias", Value::String(edge.alias));
  SetUnlessEmpty(value, "reference", edge.reference);
  SetUnlessEmpty(value, "version", edge.version);
  SetIfTrue(value, "prereleases", edge.prereleases);
  value.Set("sharing", SharingToJson(edge.sharing.value_or(Sharing())));
  SetIfPresent(value, "interface", edge.interface);
  value.Set("parameters", Value::StringMap(edge.parameters));
  value.Set("credentials", Value::StringMap(edge.credentials));
  value.Set("outputs", Value::StringMap(edge.outputs));
  SetUnlessEmpty(value, "uses", edge.uses);
  if (edge.names != InterfaceNames()) value.Set("names", NamesToJson(edge.names));
}

void ReadRequirement(ObjectReader& reader, Edge* out) {
  ReadName(reader, "alias", &out->alias);
  reader.Optional("reference", &out->reference);
  reader.Optional("version", &out->version);
  reader.Optional("prereleases", &out->prereleases);
  ReadPart(reader, "sharing", /*required=*/true, SharingFromJson, &out->sharing.emplace());
  if (const Value* interface = reader.Object("interface"))
    out->interface = json::ToText(*interface);
  reader.Optional("parameters", &out->parameters);
  reader.Optional("credentials", &out->credentials);
  reader.Optional("outputs", &out->outputs);
  reader.Optional("uses", &out->uses);
  ReadPart(reader, "names", /*required=*/false, NamesFromJson, &out->names);
}

void SetWiring(Value& value, const Edge& edge) {
  value.Set("field", Value::String(edge.field));
  value.Set("name", Value::String(edge.name));
  value.Set("output", Value::String(edge.output));
}

void ReadWiring(ObjectReader& reader, Edge* out) {
  ReadChoice(reader, "field", /*required=*/true, {"parameters", "credentials", "outputs"},
             &out->field);
  ReadName(reader, "name", &out->name);
  ReadName(reader, "output", &out->output);
}

}  // namespace

Value EdgeToJson(const Edge& edge) {
  const bool is_wiring = edge.kind == Edge::Kind::kWiring;
  Value value = Value::Object();
  value.Set("kind", Value::String(is_wiring ? "wiring" : "requires"));
  value.Set("from", Value::String(edge.from));
  value.Set("to", Value::String(edge.to));
  if (is_wiring) {
    SetWiring(value, edge);
  } else {
    SetRequirement(value, edge);
  }
  return value;
}

absl::Status EdgeFromJson(const Source& source, const Value& value, std::string pointer,
                          Edge* out) {
  ObjectReader reader(source, value, std::move(pointer));
  std::string kind;
  ReadChoice(reader, "kind", /*required=*/true, {"requires", "wiring"}, &kind);
  // Without a kind nothing tells which of the other members belong here.
  if (kind.empty()) return reader.status();
  out->kind = kind == "wiring" ? Edge::Kind::kWiring : Edge::Kind::kRequires;
  ReadName(reader, "from", &out->from);
  ReadName(reader, "to", &out->to);
  if (out->kind == Edge::Kind::kWiring) {
    ReadWiring(reader, out);
  } else {
    ReadRequirement(reader, out);
  }
  return reader.Finish();
}

Value InstallationNameToJson(const InstallationName& name) {
  Value value = Value::Object();
  value.Set("namespace", Value::String(name.name_space));
  value.Set("name", Value::String(name.name));
  return value;
}

absl::Status InstallationNameFromJson(const Source& source, const Value& value, std::string pointer,
                                      InstallationName* out) {
  ObjectReader reader(source, value, std::move(pointer));
  reader.Optional("namespace", &out->name_space);
  ReadName(reader, "name", &out->name);
  return reader.Finish();
}

}  // namespace deps
