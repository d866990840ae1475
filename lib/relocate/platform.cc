#include "lib/relocate/platform.h"

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "lib/base/status_macros.h"
#include "lib/diag/diagnostic.h"
#include "lib/diag/source.h"
#include "lib/json/json.h"
#include "lib/oci/bundle_format.h"
#include "lib/oci/manifest.h"
#include "lib/oci/reference.h"

namespace deps {
namespace {

// The manifest for `platform`, an exact match before one with a variant.
absl::StatusOr<Descriptor> Choose(const ManifestContent& content, std::string_view platform) {
  std::optional<Descriptor> chosen;
  std::vector<std::string> others;
  for (const Descriptor& child : content.manifests) {
    if (child.platform == platform) return child;
    if (!chosen && absl::StartsWith(child.platform, absl::StrCat(platform, "/"))) chosen = child;
    others.push_back(child.platform.empty() ? "none" : child.platform);
  }
  if (chosen) return *chosen;
  return MakeError({.id = DiagnosticId::kBundleInvalid,
                    .message = absl::StrCat("it is not for ", platform, " but for ",
                                            absl::StrJoin(others, ", "))});
}

absl::StatusOr<bool> ChooseForImage(std::string_view platform, const Reference& repository,
                                    Registry& registry, BundleImage* image) {
  if (!IsIndexType(image->media_type)) return false;
  const Reference reference = repository.WithDigest(image->digest);
  DEPS_ASSIGN_OR_RETURN(const OciManifest index, registry.GetManifest(reference));
  const Source source = {.name = reference.Familiar(), .text = index.bytes};
  DEPS_ASSIGN_OR_RETURN(const ManifestContent content, ParseManifest(source, index.media_type));
  const absl::StatusOr<Descriptor> chosen = Choose(content, platform);
  if (!chosen.ok()) {
    return WithContext(chosen.status(), absl::StrCat("image ", image->reference));
  }
  image->digest = chosen->digest;
  image->size = chosen->size;
  image->media_type = chosen->media_type;
  return true;
}

}  // namespace

bool IsPlatform(std::string_view platform) {
  const std::vector<std::string_view> parts = absl::StrSplit(platform, '/');
  return (parts.size() == 2 || parts.size() == 3) &&
         std::none_of(parts.begin(), parts.end(),
                      [](std::string_view part) { return part.empty(); });
}

absl::Status ChoosePlatform(std::string_view platform, Registry& registry, FamilyMember* member) {
  DEPS_ASSIGN_OR_RETURN(const Reference repository, Reference::Parse(member->repository));
  bool changed = false;
  for (BundleImage& image : member->images) {
    DEPS_ASSIGN_OR_RETURN(const bool chosen,
                          ChooseForImage(platform, repository, registry, &image));
    changed = changed || chosen;
    member->mapping[image.reference] = absl::StrCat(member->repository, "@", image.digest);
  }
  if (!changed) return absl::OkStatus();
  DEPS_ASSIGN_OR_RETURN(json::Value bundle,
                        json::Parse({.name = member->Source(), .text = member->bundle_json}));
  DEPS_RETURN_IF_ERROR(SetImages(member->images, &bundle));
  DEPS_ASSIGN_OR_RETURN(EncodedBundle encoded, EncodeBundle(bundle, member->images));
  member->platform = platform;
  member->bundle_json = std::move(encoded.config);
  member->config_manifest = {.bytes = std::move(encoded.config_manifest),
                             .media_type = std::string(kOciManifest),
                             .digest = std::move(encoded.config_manifest_digest)};
  member->index = {.bytes = std::move(encoded.index),
                   .media_type = std::string(kOciIndex),
                   .digest = std::move(encoded.index_digest)};
  return absl::OkStatus();
}

}  // namespace deps
