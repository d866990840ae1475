#include "lib/model/bundle.h"

#include <algorithm>
#include <utility>

#include "lib/model/bundle_json.h"
#include "lib/model/document.h"

namespace deps {
namespace {

using json::ObjectReader;
using json::Value;

void SetDestination(Value& object, const Destination& destination) {
  if (destination == Destination()) return;
  Value value = Value::Object();
  SetUnlessEmpty(value, "env", destination.env);
  SetUnlessEmpty(value, "path", destination.path);
  object.Set("destination", std::move(value));
}

absl::Status DestinationFromJson(const Source& source, const Value& value, std::string pointer,
                                 Destination* out) {
  ObjectReader reader(source, value, std::move(pointer));
  reader.Optional("env", &out->env);
  reader.Optional("path", &out->path);
  return reader.Finish();
}

Value OutputSourceToJson(const OutputSource& source) {
  Value value = Value::Object();
  SetUnlessEmpty(value, "dependency", source.alias);
  value.Set("output", Value::String(source.output));
  return value;
}

absl::Status OutputSourceFromJson(const Source& source, const Value& value, std::string pointer,
                                  OutputSource* out) {
  ObjectReader reader(source, value, std::move(pointer));
  reader.Optional("dependency", &out->alias);
  ReadName(reader, "output", &out->output);
  return reader.Finish();
}

// A schema is an object, or it asks for nothing.
void ReadSchema(ObjectReader& reader, std::optional<JsonText>* out) {
  const Value* schema = reader.Object("schema");
  if (schema != nullptr) *out = json::ToText(*schema);
}

Value ParameterToJson(const ParameterDefinition& parameter) {
  Value value = Value::Object();
  SetUnlessEmpty(value, "type", parameter.type);
  SetIfTrue(value, "required", parameter.required);
  SetIfPresent(value, "default", parameter.default_value);
  SetIfTrue(value, "sensitive", parameter.sensitive);
  SetUnlessEmpty(value, "id", parameter.id);
  SetUnlessEmpty(value, "applyTo", parameter.apply_to);
  SetDestination(value, parameter.destination);
  SetIfPresent(value, "schema", parameter.schema);
  if (!parameter.sources.empty()) {
    value.Set("sources", ListToJson(parameter.sources, OutputSourceToJson));
  }
  return value;
}

absl::Status ParameterFromJson(const Source& source, const Value& value, std::string pointer,
                               ParameterDefinition* out) {
  ObjectReader reader(source, value, std::move(pointer));
  reader.Optional("type", &out->type);
  reader.Optional("required", &out->required);
  reader.Optional("default", &out->default_value);
  reader.Optional("sensitive", &out->sensitive);
  reader.Optional("id", &out->id);
  reader.Optional("applyTo", &out->apply_to);
  ReadPart(reader, "destination", /*required=*/false, DestinationFromJson, &out->destination);
  ReadSchema(reader, &out->schema);
  ReadList(reader, "sources", /*required=*/false, OutputSourceFromJson, &out->sources);
  return reader.Finish();
}

Value CredentialToJson(const CredentialDefinition& credential) {
  Value value = Value::Object();
  SetIfTrue(value, "required", credential.required);
  SetUnlessEmpty(value, "id", credential.id);
  SetUnlessEmpty(value, "applyTo", credential.apply_to);
  SetDestination(value, credential.destination);
  return value;
}

absl::Status CredentialFromJson(const Source& source, const Value& value, std::string pointer,
                                CredentialDefinition* out) {
  ObjectReader reader(source, value, std::move(pointer));
  reader.Optional("required", &out->required);
  reader.Optional("id", &out->id);
  reader.Optional("applyTo", &out->apply_to);
  ReadPart(reader, "destination", /*required=*/false, DestinationFromJson, &out->destination);
  return reader.Finish();
}

Value OutputToJson(const OutputDefinition& output) {
  Value value = Value::Object();
  SetUnlessEmpty(value, "type", output.type);
  SetIfTrue(value, "sensitive", output.sensitive);
  SetUnlessEmpty(value, "id", output.id);
  SetUnlessEmpty(value, "applyTo", output.apply_to);
  SetUnlessEmpty(value, "path", output.path);
  SetIfPresent(value, "default", output.default_value);
  SetIfPresent(value, "schema", output.schema);
  return value;
}

absl::Status OutputFromJson(const Source& source, const Value& value, std::string pointer,
                            OutputDefinition* out) {
  ObjectReader reader(source, value, std::move(pointer));
  reader.Optional("type", &out->type);
  reader.Optional("sensitive", &out->sensitive);
  reader.Optional("id", &out->id);
  reader.Optional("applyTo", &out->apply_to);
  reader.Optional("path", &out->path);
  reader.Optional("default", &out->default_value);
  ReadSchema(reader, &out->schema);
  return reader.Finish();
}

Value ActionToJson(const ActionDefinition& action) {
  Value value = Value::Object();
  SetIfTrue(value, "modifies", action.modifies);
  SetIfTrue(value, "stateless", action.stateless);
  return value;
}

absl::Status ActionFromJson(const Source& source, const Value& value, std::string pointer,
                            ActionDefinition* out) {
  ObjectReader reader(source, value, std::move(pointer));
  reader.Optional("modifies", &out->modifies);
  reader.Optional("stateless", &out->stateless);
  return reader.Finish();
}

Value ImageToJson(const Image& image) {
  Value value = Value::Object();
  value.Set("image", Value::String(image.image));
  SetUnlessEmpty(value, "imageType", image.image_type);
  SetUnlessEmpty(value, "mediaType", image.media_type);
  SetUnlessEmpty(value, "contentDigest", image.content_digest);
  if (image.size != 0) value.Set("size", Value::Integer(image.size));
  return value;
}

absl::Status ImageFromJson(const Source& source, const Value& value, std::string pointer,
                           Image* out) {
  ObjectReader reader(source, value, std::move(pointer));
  reader.Required("image", &out->image);
  reader.Optional("imageType", &out->image_type);
  reader.Optional("mediaType", &out->media_type);
  reader.Optional("contentDigest", &out->content_digest);
  ReadCount(reader, "size", /*required=*/false, &out->size);
  return reader.Finish();
}

template <typename T>
void SetMap(Value& object, std::string_view key, const std::map<std::string, T>& items,
            ToJson<T> to_json) {
  if (!items.empty()) object.Set(key, MapToJson(items, to_json));
}

}  // namespace

Value BundleToJson(const Bundle& bundle) {
  Value value = Value::Object();
  value.Set("name", Value::String(bundle.name));
  SetUnlessEmpty(value, "version", bundle.version);
  SetUnlessEmpty(value, "reference", bundle.reference);
  SetUnlessEmpty(value, "digest", bundle.digest);
  SetMap(value, "parameters", bundle.parameters, ParameterToJson);
  SetMap(value, "credentials", bundle.credentials, CredentialToJson);
  SetMap(value, "outputs", bundle.outputs, OutputToJson);
  SetMap(value, "actions", bundle.actions, ActionToJson);
  SetUnlessEmpty(value, "provides", bundle.provides);
  SetMap(value, "images", bundle.images, ImageToJson);
  if (!bundle.invocation_images.empty()) {
    value.Set("invocationImages", ListToJson(bundle.invocation_images, ImageToJson));
  }
  return value;
}

absl::Status BundleFromJson(const Source& source, const Value& value, std::string pointer,
                            Bundle* out) {
  ObjectReader reader(source, value, std::move(pointer));
  reader.Required("name", &out->name);
  reader.Optional("version", &out->version);
  reader.Optional("reference", &out->reference);
  ReadDigest(reader, "digest", /*required=*/false, &out->digest);
  ReadMap(reader, "parameters", /*required=*/false, ParameterFromJson, &out->parameters);
  ReadMap(reader, "credentials", /*required=*/false, CredentialFromJson, &out->credentials);
  ReadMap(reader, "outputs", /*required=*/false, OutputFromJson, &out->outputs);
  ReadMap(reader, "actions", /*required=*/false, ActionFromJson, &out->actions);
  reader.Optional("provides", &out->provides);
  ReadMap(reader, "images", /*required=*/false, ImageFromJson, &out->images);
  ReadList(reader, "invocationImages", /*required=*/false, ImageFromJson, &out->invocation_images);
  return reader.Finish();
}

Location Dependency::PlaceOf(std::string_view member, size_t byte) const {
  Location place = location;
  const auto found =
      std::lower_bound(places.begin(), places.end(), member,
                       [](const MemberPlace& a, std::string_view key) { return a.member < key; });
  if (found == places.end() || found->member != member) {
    place.pointer += member;
    return place;
  }
  place.pointer += found->pointer;
  place.line = found->line;
  place.column = found->column + (found->is_verbatim ? static_cast<int>(byte) : 0);
  return place;
}

}  // namespace deps
