#include "lib/oci/manifest.h"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "lib/base/status_macros.h"
#include "lib/diag/diagnostic.h"
#include "lib/digest/sha256.h"
#include "lib/json/json.h"

namespace deps {
namespace {

std::string PlatformOf(const json::Value& platform) {
  std::string text;
  for (const char* part : {"os", "architecture", "variant"}) {
    const json::Value* value = platform.Find(part);
    if (value == nullptr || !value->IsString() || value->text.empty()) continue;
    absl::StrAppend(&text, text.empty() ? "" : "/", value->text);
  }
  return text;
}

absl::StatusOr<Descriptor> ReadDescriptor(const Source& source, const json::Value& value,
                                          std::string pointer) {
  Descriptor descriptor;
  json::ObjectReader reader(source, value, std::move(pointer));
  reader.Required("mediaType", &descriptor.media_type);
  reader.Required("digest", &descriptor.digest);
  reader.Required("size", &descriptor.size);
  reader.Optional("artifactType", &descriptor.artifact_type);
  // `"annotations": null` occurs.
  if (const json::Value* annotations = reader.Any("annotations");
      annotations != nullptr && annotations->IsObject()) {
    reader.Optional("annotations", &descriptor.annotations);
  }
  if (const json::Value* platform = reader.Any("platform")) {
    descriptor.platform = PlatformOf(*platform);
  }
  descriptor.foreign = absl::StrContains(descriptor.media_type, "nondistributable") ||
                       absl::StrContains(descriptor.media_type, ".foreign.");
  reader.IgnoreRest();
  DEPS_RETURN_IF_ERROR(reader.Finish());
  if (!IsValidDigest(descriptor.digest)) {
    reader.Fail(DiagnosticId::kBundleInvalid, "digest", "this is no digest");
  }
  if (descriptor.size < 0) reader.Fail(DiagnosticId::kBundleInvalid, "size", "a size below zero");
  DEPS_RETURN_IF_ERROR(reader.status());
  return descriptor;
}

// An array of descriptors; absent and null are empty.
absl::StatusOr<std::vector<Descriptor>> ReadDescriptors(json::ObjectReader& reader,
                                                        std::string_view key) {
  std::vector<Descriptor> descriptors;
  const json::Value* array = reader.Any(key);
  if (array == nullptr || array->kind == json::Kind::kNull) return descriptors;
  if (!array->IsArray()) {
    reader.Fail(DiagnosticId::kBundleInvalid, key, "expected an array");
    return reader.status();
  }
  for (size_t i = 0; i < array->items.size(); ++i) {
    DEPS_ASSIGN_OR_RETURN(Descriptor descriptor,
                          ReadDescriptor(reader.source(), array->items[i],
                                         absl::StrCat(reader.Pointer(key), json::PointerStep(i))));
    descriptors.push_back(std::move(descriptor));
  }
  return descriptors;
}

absl::Status CheckType(json::ObjectReader& reader, const json::Value& value,
                       std::string_view media_type) {
  int64_t schema_version = 0;
  std::string embedded;
  reader.Required("schemaVersion", &schema_version);
  reader.Optional("mediaType", &embedded);
  DEPS_RETURN_IF_ERROR(reader.status());
  if (schema_version != 2) {
    reader.Fail(DiagnosticId::kBundleInvalid, "schemaVersion",
                absl::StrCat("manifests of schema version ", schema_version, " are not read"));
  }
  if (!embedded.empty() && embedded != media_type) {
    reader.Fail(DiagnosticId::kBundleInvalid, "mediaType",
                absl::StrCat("the manifest is said to be of type ", media_type));
  }
  const bool lists = value.Find("manifests") != nullptr;
  const bool holds = value.Find("config") != nullptr || value.Find("layers") != nullptr;
  if (lists == holds || lists != IsIndexType(media_type)) {
    reader.Fail(DiagnosticId::kBundleInvalid, "",
                absl::StrCat("the members are not those of type ", media_type));
  }
  return reader.status();
}

}  // namespace

bool IsManifestType(std::string_view media_type) {
  return media_type == kOciManifest || media_type == kDockerManifest || IsIndexType(media_type);
}

bool IsIndexType(std::string_view media_type) {
  return media_type == kOciIndex || media_type == kDockerList;
}

absl::StatusOr<ManifestContent> ParseManifest(const Source& source, std::string_view media_type) {
  DEPS_ASSIGN_OR_RETURN(const json::Value value, json::Parse(source, {.bytes = kMaxManifestBytes}));
  json::ObjectReader reader(source, value);
  DEPS_RETURN_IF_ERROR(CheckType(reader, value, media_type));
  ManifestContent content;
  if (const json::Value* annotations = value.Find("annotations");
      annotations != nullptr && annotations->IsObject()) {
    reader.Optional("annotations", &content.annotations);
  }
  reader.Optional("artifactType", &content.artifact_type);
  if (const json::Value* subject = value.Find("subject");
      subject != nullptr && subject->IsObject()) {
    DEPS_ASSIGN_OR_RETURN(const Descriptor descriptor,
                          ReadDescriptor(source, *subject, reader.Pointer("subject")));
    content.subject = descriptor.digest;
  }
  if (IsIndexType(media_type)) {
    DEPS_ASSIGN_OR_RETURN(content.manifests, ReadDescriptors(reader, "manifests"));
  } else {
    const json::Value* config = reader.Object("config", /*required=*/true);
    DEPS_RETURN_IF_ERROR(reader.status());
    DEPS_ASSIGN_OR_RETURN(Descriptor descriptor,
                          ReadDescriptor(source, *config, reader.Pointer("config")));
    content.blobs.push_back(std::move(descriptor));
    DEPS_ASSIGN_OR_RETURN(std::vector<Descriptor> layers, ReadDescriptors(reader, "layers"));
    for (Descriptor& layer : layers) content.blobs.push_back(std::move(layer));
  }
  reader.IgnoreRest();
  DEPS_RETURN_IF_ERROR(reader.Finish());
  return content;
}

}  // namespace deps
