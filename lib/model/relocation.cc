#include "lib/model/relocation.h"

#include <utility>

#include "lib/base/status_macros.h"
#include "lib/diag/diagnostic.h"
#include "lib/model/document.h"

namespace deps {
namespace {

using json::ObjectReader;
using json::Value;

Value BundleToJson(const RelocatedBundle& bundle) {
  Value value = Value::Object();
  value.Set("source", Value::String(bundle.source));
  value.Set("target", Value::String(bundle.target));
  SetUnlessEmpty(value, "tag", bundle.tag);
  value.Set("action", Value::String(bundle.action));
  return value;
}

absl::Status BundleFromJson(const Source& source, const Value& value, std::string pointer,
                            RelocatedBundle* out) {
  ObjectReader reader(source, value, std::move(pointer));
  ReadName(reader, "source", &out->source);
  ReadName(reader, "target", &out->target);
  reader.Optional("tag", &out->tag);
  ReadChoice(reader, "action", /*required=*/true, {"pushed", "unchanged", "incomplete"},
             &out->action);
  return reader.Finish();
}

Value ImageToJson(const RelocatedImage& image) {
  Value value = Value::Object();
  value.Set("source", Value::String(image.source));
  value.Set("target", Value::String(image.target));
  value.Set("digest", Value::String(image.digest));
  value.Set("action", Value::String(image.action));
  return value;
}

absl::Status ImageFromJson(const Source& source, const Value& value, std::string pointer,
                           RelocatedImage* out) {
  ObjectReader reader(source, value, std::move(pointer));
  ReadName(reader, "source", &out->source);
  ReadName(reader, "target", &out->target);
  ReadDigest(reader, "digest", /*required=*/true, &out->digest);
  ReadChoice(reader, "action", /*required=*/true, {"pushed", "mounted", "unchanged", "incomplete"},
             &out->action);
  return reader.Finish();
}

Value DifferenceToJson(const RelocationDifference& difference) {
  Value value = Value::Object();
  value.Set("kind", Value::String(difference.kind));
  value.Set("subject", Value::String(difference.subject));
  value.Set("message", Value::String(difference.message));
  return value;
}

absl::Status DifferenceFromJson(const Source& source, const Value& value, std::string pointer,
                                RelocationDifference* out) {
  ObjectReader reader(source, value, std::move(pointer));
  ReadChoice(reader, "kind", /*required=*/true, {"missing", "different"}, &out->kind);
  ReadName(reader, "subject", &out->subject);
  reader.Required("message", &out->message);
  return reader.Finish();
}

}  // namespace

std::string FormatRelocation(const Relocation& relocation, json::Style style) {
  Value document = NewDocument("Relocation");
  document.Set("bundles", ListToJson(relocation.bundles, BundleToJson));
  document.Set("images", ListToJson(relocation.images, ImageToJson));
  document.Set("mapping", Value::StringMap(relocation.mapping));
  if (!relocation.differences.empty()) {
    document.Set("differences", ListToJson(relocation.differences, DifferenceToJson));
  }
  Value bytes = Value::Object();
  bytes.Set("uploaded", Value::Integer(relocation.bytes_uploaded));
  bytes.Set("reused", Value::Integer(relocation.bytes_reused));
  document.Set("bytes", std::move(bytes));
  return json::Format(document, style);
}

absl::StatusOr<Relocation> ParseRelocation(const Source& source) {
  DEPS_ASSIGN_OR_RETURN(const Value document, ParseDocument(source, "Relocation"));
  Relocation relocation;
  ObjectReader reader(source, document);
  AllowEnvelope(reader);
  ReadList(reader, "bundles", /*required=*/true, BundleFromJson, &relocation.bundles);
  ReadList(reader, "images", /*required=*/true, ImageFromJson, &relocation.images);
  reader.Required("mapping", &relocation.mapping);
  ReadList(reader, "differences", /*required=*/false, DifferenceFromJson, &relocation.differences);
  if (const Value* value = reader.Object("bytes", /*required=*/true)) {
    ObjectReader bytes(source, *value, reader.Pointer("bytes"));
    ReadCount(bytes, "uploaded", /*required=*/true, &relocation.bytes_uploaded);
    ReadCount(bytes, "reused", /*required=*/true, &relocation.bytes_reused);
    reader.Check(bytes.Finish());
  }
  DEPS_RETURN_IF_ERROR(reader.Finish());
  return relocation;
}

std::string FormatMapping(const RelocationMapping& mapping) {
  return json::FormatLikeGo(Value::StringMap(mapping));
}

absl::StatusOr<RelocationMapping> ParseMapping(const Source& source) {
  DEPS_ASSIGN_OR_RETURN(const Value document, json::Parse(source));
  RelocationMapping mapping;
  if (document.kind == json::Kind::kNull) return mapping;
  // A reader reads members; the mapping is the member of an object around it.
  Value outer = Value::Object();
  outer.Set("mapping", document);
  ObjectReader reader(source, outer);
  reader.Required("mapping", &mapping);
  DEPS_RETURN_IF_ERROR(reader.Finish());
  return mapping;
}

}  // namespace deps
