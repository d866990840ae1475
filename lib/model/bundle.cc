#include "lib/model/bundle.h"

#include <algorithm>
#include <utility>

#include "lib/model/bundle_json.h"
#include "lib/model/document.h"

namespace deps {
namespace {

using json::ObjectReader;
using json::TextWriter;
using json::Value;

void WriteDestination(TextWriter& out, const Destination& destination) {
  if (destination == Destination()) return;
  out.Key("destination");
  out.BeginObject();
  WriteUnlessEmpty(out, "env", destination.env);
  WriteUnlessEmpty(out, "path", destination.path);
  out.EndObject();
}

absl::Status DestinationFromJson(const Source& source, const Value& value, std::string pointer,
                                 Destination* out) {
  ObjectReader reader(source, value, std::move(pointer));
  reader.Optional("env", &out->env);
  reader.Optional("path", &out->path);
  return reader.Finish();
}

void WriteOutputSource(TextWriter& out, const OutputSource& source) {
  out.BeginObject();
  WriteUnlessEmpty(out, "dependency", source.alias);
  out.Key("output");
  out.String(source.output);
  out.EndObject();
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

void WriteParameter(TextWriter& out, const ParameterDefinition& parameter) {
  out.BeginObject();
  WriteUnlessEmpty(out, "type", parameter.type);
  WriteIfTrue(out, "required", parameter.required);
  WriteIfPresent(out, "default", parameter.default_value);
  WriteIfTrue(out, "sensitive", parameter.sensitive);
  WriteUnlessEmpty(out, "id", parameter.id);
  WriteUnlessEmpty(out, "applyTo", parameter.apply_to);
  WriteDestination(out, parameter.destination);
  WriteIfPresent(out, "schema", parameter.schema);
  if (!parameter.sources.empty()) {
    out.Key("sources");
    WriteList(out, parameter.sources, WriteOutputSource);
  }
  out.EndObject();
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

void WriteCredential(TextWriter& out, const CredentialDefinition& credential) {
  out.BeginObject();
  WriteIfTrue(out, "required", credential.required);
  WriteUnlessEmpty(out, "id", credential.id);
  WriteUnlessEmpty(out, "applyTo", credential.apply_to);
  WriteDestination(out, credential.destination);
  out.EndObject();
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

void WriteOutput(TextWriter& out, const OutputDefinition& output) {
  out.BeginObject();
  WriteUnlessEmpty(out, "type", output.type);
  WriteIfTrue(out, "sensitive", output.sensitive);
  WriteUnlessEmpty(out, "id", output.id);
  WriteUnlessEmpty(out, "applyTo", output.apply_to);
  WriteUnlessEmpty(out, "path", output.path);
  WriteIfPresent(out, "default", output.default_value);
  WriteIfPresent(out, "schema", output.schema);
  out.EndObject();
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

void WriteAction(TextWriter& out, const ActionDefinition& action) {
  out.BeginObject();
  WriteIfTrue(out, "modifies", action.modifies);
  WriteIfTrue(out, "stateless", action.stateless);
  out.EndObject();
}

absl::Status ActionFromJson(const Source& source, const Value& value, std::string pointer,
                            ActionDefinition* out) {
  ObjectReader reader(source, value, std::move(pointer));
  reader.Optional("modifies", &out->modifies);
  reader.Optional("stateless", &out->stateless);
  return reader.Finish();
}

void WriteImage(TextWriter& out, const Image& image) {
  out.BeginObject();
  out.Key("image");
  out.String(image.image);
  WriteUnlessEmpty(out, "imageType", image.image_type);
  WriteUnlessEmpty(out, "mediaType", image.media_type);
  WriteUnlessEmpty(out, "contentDigest", image.content_digest);
  if (image.size != 0) {
    out.Key("size");
    out.Integer(image.size);
  }
  out.EndObject();
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
void WriteUnlessEmpty(TextWriter& out, std::string_view key, const std::map<std::string, T>& items,
                      WritePart<T> write) {
  if (items.empty()) return;
  out.Key(key);
  WriteMap(out, items, write);
}

}  // namespace

void WriteBundle(TextWriter& out, const Bundle& bundle) {
  out.BeginObject();
  out.Key("name");
  out.String(bundle.name);
  WriteUnlessEmpty(out, "version", bundle.version);
  WriteUnlessEmpty(out, "reference", bundle.reference);
  WriteUnlessEmpty(out, "digest", bundle.digest);
  WriteUnlessEmpty(out, "parameters", bundle.parameters, WriteParameter);
  WriteUnlessEmpty(out, "credentials", bundle.credentials, WriteCredential);
  WriteUnlessEmpty(out, "outputs", bundle.outputs, WriteOutput);
  WriteUnlessEmpty(out, "actions", bundle.actions, WriteAction);
  WriteUnlessEmpty(out, "provides", bundle.provides);
  WriteUnlessEmpty(out, "images", bundle.images, WriteImage);
  if (!bundle.invocation_images.empty()) {
    out.Key("invocationImages");
    WriteList(out, bundle.invocation_images, WriteImage);
  }
  out.EndObject();
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
  static const std::vector<MemberPlace> kNone;
  const std::vector<MemberPlace>& all = places ? *places : kNone;
  const auto found =
      std::lower_bound(all.begin(), all.end(), member,
                       [](const MemberPlace& a, std::string_view key) { return a.member < key; });
  if (found == all.end() || found->member != member) {
    place.pointer += member;
    return place;
  }
  place.pointer += found->pointer;
  place.line = found->line;
  place.column = found->column + (found->is_verbatim ? static_cast<int>(byte) : 0);
  return place;
}

}  // namespace deps
