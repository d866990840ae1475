#include "lib/oci/bundle_format.h"

#include <algorithm>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "lib/base/status_macros.h"
#include "lib/diag/diagnostic.h"
#include "lib/digest/sha256.h"
#include "lib/oci/manifest.h"

namespace deps {
namespace {

constexpr size_t kMaxBundleBytes = size_t{32} << 20;
constexpr char kTypeAnnotation[] = "io.cnab.manifest.type";
constexpr char kNameAnnotation[] = "io.cnab.component.name";

absl::Status Invalid(std::string_view message) {
  return MakeError({.id = DiagnosticId::kBundleInvalid, .message = std::string(message)});
}

std::string TextOf(const json::Value& object, std::string_view key) {
  const json::Value* value = object.Find(key);
  return value != nullptr && value->IsString() ? value->text : "";
}

bool IsPresent(const json::Value* value) {
  return value != nullptr && value->kind != json::Kind::kNull;
}

// An image entry of bundle.json, at `pointer`.
absl::StatusOr<BundleImage> ReadImage(const Source& source, const json::Value& value,
                                      const std::string& name, const std::string& pointer) {
  BundleImage image = {.name = name};
  std::string type;
  json::ObjectReader reader(source, value, pointer);
  reader.Optional("image", &image.reference);
  reader.Optional("imageType", &type);
  reader.Optional("contentDigest", &image.digest);
  reader.Optional("mediaType", &image.media_type);
  reader.Optional("size", &image.size);
  reader.IgnoreRest();
  DEPS_RETURN_IF_ERROR(reader.Finish());
  if (!type.empty() && type != "oci" && type != "docker") {
    reader.Fail(DiagnosticId::kBundleInvalid, "imageType",
                absl::StrCat("images of type '", type, "' cannot be in a registry"));
  }
  if (image.media_type.empty())
    image.media_type = type == "docker" ? kDockerManifest : kOciManifest;
  if (!IsManifestType(image.media_type)) {
    reader.Fail(DiagnosticId::kBundleInvalid, "mediaType", "this is no type of an image");
  }
  if (!image.digest.empty() && !IsValidDigest(image.digest)) {
    reader.Fail(DiagnosticId::kDigestInvalid, "contentDigest", "this is no digest");
  }
  if (image.size < 0) reader.Fail(DiagnosticId::kBundleInvalid, "size", "a size below zero");
  DEPS_RETURN_IF_ERROR(reader.status());
  return image;
}

// The entry of `image` in `bundle`, or nullptr.
json::Value* EntryOf(const BundleImage& image, json::Value* bundle) {
  if (image.name.empty()) {
    json::Value* invocation = bundle->Find("invocationImages");
    if (invocation == nullptr || invocation->items.empty()) return nullptr;
    return &invocation->items[0];
  }
  json::Value* images = bundle->Find("images");
  return images == nullptr ? nullptr : images->Find(image.name);
}

// Go's encoding of a maintainer: members in this order, empty ones left out
// except the name.
json::Value Maintainer(const json::Value& maintainer) {
  json::Value out = json::Value::Object();
  out.Set("name", json::Value::String(TextOf(maintainer, "name")));
  for (const char* key : {"email", "url"}) {
    const std::string text = TextOf(maintainer, key);
    if (!text.empty()) out.Set(key, json::Value::String(text));
  }
  return out;
}

std::map<std::string, std::string> AnnotationsOf(const json::Value& bundle) {
  std::map<std::string, std::string> annotations = {
      {"io.cnab.runtime_version", TextOf(bundle, "schemaVersion")},
      {"org.opencontainers.artifactType", "application/vnd.cnab.manifest.v1"},
      {"org.opencontainers.image.description", TextOf(bundle, "description")},
      {"org.opencontainers.image.title", TextOf(bundle, "name")},
      {"org.opencontainers.image.version", TextOf(bundle, "version")}};
  if (const json::Value* maintainers = bundle.Find("maintainers"); IsPresent(maintainers)) {
    json::Value list = json::Value::Array();
    for (const json::Value& item : maintainers->items) list.items.push_back(Maintainer(item));
    annotations["org.opencontainers.image.authors"] = json::FormatLikeGo(list);
  }
  if (const json::Value* keywords = bundle.Find("keywords"); IsPresent(keywords)) {
    annotations["io.cnab.keywords"] = json::FormatLikeGo(*keywords);
  }
  return annotations;
}

json::Value DescriptorValue(std::string_view media_type, std::string_view digest, int64_t size,
                            const std::map<std::string, std::string>& annotations) {
  json::Value value = json::Value::Object();
  value.Set("mediaType", json::Value::String(media_type));
  value.Set("digest", json::Value::String(digest));
  value.Set("size", json::Value::Integer(size));
  value.Set("annotations", json::Value::StringMap(annotations));
  return value;
}

std::map<std::string, std::string> AnnotationsOf(const BundleImage& image) {
  if (image.name.empty()) return {{kTypeAnnotation, "invocation"}};
  return {{kTypeAnnotation, "component"}, {kNameAnnotation, image.name}};
}

std::string ConfigManifest(const EncodedBundle& bundle) {
  return absl::StrCat(R"({"schemaVersion":2,"config":{"mediaType":")", kCnabConfigType,
                      R"(","digest":")", bundle.config_digest, R"(","size":)", bundle.config.size(),
                      R"(},"layers":null})");
}

// The descriptor that the index marks as the bundle's config.
absl::StatusOr<Descriptor> ConfigOf(const std::string& name, const ManifestContent& index) {
  for (const Descriptor& descriptor : index.manifests) {
    const auto type = descriptor.annotations.find(kTypeAnnotation);
    if (type != descriptor.annotations.end() && type->second == "config") return descriptor;
  }
  return Invalid(absl::StrCat(name, " is an image index, not a bundle"));
}

// What a descriptor of the index says of the bundle's images; nullopt for the config.
absl::StatusOr<std::optional<BundleImage>> ImageOf(const std::string& name,
                                                   const Descriptor& descriptor,
                                                   const std::vector<BundleImage>& images) {
  const auto annotation = [&](const char* key) {
    const auto found = descriptor.annotations.find(key);
    return found == descriptor.annotations.end() ? "" : found->second;
  };
  const std::string type = annotation(kTypeAnnotation);
  if (type == "config") return std::nullopt;
  if (type != "invocation" && type != "component") {
    return Invalid(
        absl::StrCat(name, " lists ", descriptor.digest, " as neither config nor image"));
  }
  const std::string key = type == "invocation" ? "" : annotation(kNameAnnotation);
  const bool named = type == "invocation" || !key.empty();
  const auto found = std::find_if(images.begin(), images.end(),
                                  [&](const BundleImage& image) { return image.name == key; });
  if (!named || found == images.end()) {
    return Invalid(absl::StrCat(name, " lists ", descriptor.digest, " as image '", key,
                                "', which bundle.json does not have"));
  }
  return BundleImage{.name = key,
                     .reference = found->reference,
                     .digest = descriptor.digest,
                     .size = descriptor.size,
                     .media_type = descriptor.media_type};
}

absl::StatusOr<std::vector<BundleImage>> ImagesIn(const std::string& name,
                                                  const ManifestContent& index,
                                                  const Source& bundle_json) {
  DEPS_ASSIGN_OR_RETURN(const json::Value bundle, json::Parse(bundle_json));
  DEPS_ASSIGN_OR_RETURN(const std::vector<BundleImage> known, ImagesOf(bundle_json, bundle));
  std::vector<BundleImage> images;
  for (const Descriptor& descriptor : index.manifests) {
    DEPS_ASSIGN_OR_RETURN(std::optional<BundleImage> image, ImageOf(name, descriptor, known));
    if (image) images.push_back(*std::move(image));
  }
  return images;
}

std::map<std::string, std::string> MappingTo(const Reference& repository,
                                             const std::vector<BundleImage>& images) {
  std::map<std::string, std::string> mapping;
  for (const BundleImage& image : images) {
    mapping[image.reference] = repository.WithDigest(image.digest).Familiar();
  }
  return mapping;
}

}  // namespace

absl::StatusOr<std::vector<BundleImage>> ImagesOf(const Source& source,
                                                  const json::Value& bundle_json) {
  json::ObjectReader reader(source, bundle_json);
  const json::Value* invocation = reader.Array("invocationImages", /*required=*/true);
  const json::Value* components = reader.Any("images");
  DEPS_RETURN_IF_ERROR(reader.status());
  if (invocation->items.size() != 1) {
    reader.Fail(DiagnosticId::kBundleInvalid, "invocationImages",
                absl::StrCat("a registry takes bundles with exactly one invocation image, not ",
                             invocation->items.size()));
    return reader.status();
  }
  DEPS_ASSIGN_OR_RETURN(BundleImage first,
                        ReadImage(source, invocation->items[0], "", "/invocationImages/0"));
  std::vector<BundleImage> images = {std::move(first)};
  if (IsPresent(components)) {
    for (const auto& [name, value] : components->members) {
      DEPS_ASSIGN_OR_RETURN(
          BundleImage image,
          ReadImage(source, value, name, absl::StrCat("/images", json::PointerStep(name))));
      images.push_back(std::move(image));
    }
  }
  std::sort(images.begin(), images.end(),
            [](const BundleImage& a, const BundleImage& b) { return a.name < b.name; });
  return images;
}

absl::Status SetImages(const std::vector<BundleImage>& images, json::Value* bundle_json) {
  for (const BundleImage& image : images) {
    json::Value* entry = EntryOf(image, bundle_json);
    if (entry == nullptr)
      return Invalid(absl::StrCat("the bundle has no image '", image.name, "'"));
    entry->Set("contentDigest", json::Value::String(image.digest));
    entry->Set("size", json::Value::Integer(image.size));
    entry->Set("mediaType", json::Value::String(image.media_type));
  }
  return absl::OkStatus();
}

absl::StatusOr<EncodedBundle> EncodeBundle(const json::Value& bundle_json,
                                           const std::vector<BundleImage>& images) {
  EncodedBundle bundle;
  bundle.config = json::Canonical(bundle_json);
  bundle.config_digest = Sha256Digest(bundle.config);
  bundle.config_manifest = ConfigManifest(bundle);
  bundle.config_manifest_digest = Sha256Digest(bundle.config_manifest);

  json::Value manifests = json::Value::Array();
  manifests.items.push_back(DescriptorValue(kOciManifest, bundle.config_manifest_digest,
                                            static_cast<int64_t>(bundle.config_manifest.size()),
                                            {{kTypeAnnotation, "config"}}));
  for (const BundleImage& image : images) {
    if (!IsValidDigest(image.digest) || image.size <= 0) {
      return Invalid(absl::StrCat("the digest or size of image '",
                                  image.name.empty() ? image.reference : image.name,
                                  "' is not known"));
    }
    manifests.items.push_back(
        DescriptorValue(image.media_type, image.digest, image.size, AnnotationsOf(image)));
  }
  json::Value index = json::Value::Object();
  index.Set("schemaVersion", json::Value::Integer(2));
  index.Set("manifests", std::move(manifests));
  index.Set("annotations", json::Value::StringMap(AnnotationsOf(bundle_json)));
  bundle.index = json::FormatLikeGo(index);
  bundle.index_digest = Sha256Digest(bundle.index);
  return bundle;
}

absl::Status PushBundle(Registry& registry, const Reference& target, const EncodedBundle& bundle) {
  DEPS_RETURN_IF_ERROR(registry.PutBlob(target, bundle.config_digest, bundle.config).status());
  DEPS_RETURN_IF_ERROR(registry.PutManifest(target.WithDigest(bundle.config_manifest_digest),
                                            kOciManifest, bundle.config_manifest));
  const Reference name =
      target.tag().empty() ? target.WithDigest(bundle.index_digest) : target.WithTag(target.tag());
  return registry.PutManifest(name, kOciIndex, bundle.index);
}

absl::StatusOr<FetchedBundle> FetchBundle(Registry& registry, const Reference& reference) {
  const PartReader read = {
      .manifest = [&](const Reference& part) { return registry.GetManifest(part); },
      .blob = [&](const Reference& repository, const std::string& digest,
                  size_t max_bytes) { return registry.GetBlob(repository, digest, max_bytes); }};
  return FetchBundle(read, reference);
}

absl::StatusOr<FetchedBundle> FetchBundle(const PartReader& read, const Reference& reference) {
  const std::string name = reference.Familiar();
  DEPS_ASSIGN_OR_RETURN(OciManifest index, read.manifest(reference));
  if (!IsIndexType(index.media_type)) {
    return Invalid(absl::StrCat(name, " is an image, not a bundle"));
  }
  const Source index_source = {.name = name, .text = index.bytes};
  DEPS_ASSIGN_OR_RETURN(const ManifestContent content,
                        ParseManifest(index_source, index.media_type));
  DEPS_ASSIGN_OR_RETURN(const Descriptor config, ConfigOf(name, content));
  const Reference config_reference = reference.WithDigest(config.digest);
  DEPS_ASSIGN_OR_RETURN(OciManifest manifest, read.manifest(config_reference));
  const Source manifest_source = {.name = config_reference.Familiar(), .text = manifest.bytes};
  DEPS_ASSIGN_OR_RETURN(const ManifestContent config_content,
                        ParseManifest(manifest_source, manifest.media_type));
  if (config_content.blobs.empty()) {
    return Invalid(absl::StrCat(name, " has a config that is an index"));
  }
  FetchedBundle bundle = {.digest = index.digest,
                          .index = std::move(index.bytes),
                          .index_type = std::move(index.media_type),
                          .config_manifest = std::move(manifest.bytes),
                          .config_manifest_type = std::move(manifest.media_type)};
  DEPS_ASSIGN_OR_RETURN(bundle.bundle_json,
                        read.blob(reference, config_content.blobs[0].digest, kMaxBundleBytes));
  DEPS_ASSIGN_OR_RETURN(bundle.images,
                        ImagesIn(name, content, {.name = name, .text = bundle.bundle_json}));
  bundle.mapping = MappingTo(reference, bundle.images);
  return bundle;
}

absl::StatusOr<std::map<std::string, std::string>> MappingOf(const Source& index,
                                                             const Source& bundle_json,
                                                             const Reference& repository) {
  DEPS_ASSIGN_OR_RETURN(const ManifestContent content, ParseManifest(index, kOciIndex));
  DEPS_ASSIGN_OR_RETURN(const std::vector<BundleImage> images,
                        ImagesIn(index.name, content, bundle_json));
  return MappingTo(repository, images);
}

}  // namespace deps
