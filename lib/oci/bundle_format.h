// A CNAB bundle as a registry keeps it, byte for byte as cnab-to-oci writes it:
// the canonical bundle.json as config blob, a manifest around it, and an index
// that lists that manifest and the bundle's images. The index's digest is the
// bundle's.
//
// Source: cnab-to-oci converter/convert.go and remotes/push.go; CNAB 200.
#ifndef DEPS_LIB_OCI_BUNDLE_FORMAT_H_
#define DEPS_LIB_OCI_BUNDLE_FORMAT_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "lib/diag/source.h"
#include "lib/json/json.h"
#include "lib/oci/reference.h"
#include "lib/oci/registry.h"

namespace deps {

inline constexpr std::string_view kCnabConfigType = "application/vnd.cnab.config.v1+json";

// An image as the index lists it.
struct BundleImage {
  std::string name;       // The key in `images`; "" for the invocation image.
  std::string reference;  // As bundle.json spells it; only told, never written.
  std::string digest;
  int64_t size = 0;
  std::string media_type;
  bool operator==(const BundleImage&) const = default;
};

struct EncodedBundle {
  std::string config;  // The canonical bundle.json, a blob of type kCnabConfigType.
  std::string config_digest;
  std::string config_manifest;  // Of type kOciManifest.
  std::string config_manifest_digest;
  std::string index;  // Of type kOciIndex.
  std::string index_digest;
  bool operator==(const EncodedBundle&) const = default;
};

// The images that `bundle_json` lists, the invocation image first, the others
// sorted by name, with the digest, size and media type that are written there.
// An absent media type follows from imageType; other absent values are "" and 0.
//
// Errors: bundle-invalid (not exactly one invocation image, an image type or
// media type that the format does not allow), document-…
absl::StatusOr<std::vector<BundleImage>> ImagesOf(const Source& source,
                                                  const json::Value& bundle_json);

// Writes what ImagesOf read: contentDigest, size and mediaType of each image.
// `images` must name images of the bundle. Errors: bundle-invalid.
absl::Status SetImages(const std::vector<BundleImage>& images, json::Value* bundle_json);

// `images` must be all of the bundle's, as ImagesOf orders them.
// Errors: bundle-invalid (an image without digest or size), document-…
absl::StatusOr<EncodedBundle> EncodeBundle(const json::Value& bundle_json,
                                           const std::vector<BundleImage>& images);

// Writes the three parts, the index last: under the tag of `target` or, where it
// has none, by digest. The images must be there.
absl::Status PushBundle(Registry& registry, const Reference& target, const EncodedBundle& bundle);

struct FetchedBundle {
  std::string bundle_json;  // As the registry has it.
  std::string digest;       // Of the index.
  std::string index;
  std::string index_type;
  std::string config_manifest;
  std::string config_manifest_type;
  std::vector<BundleImage> images;
  // Image as bundle.json spells it -> REPOSITORY@DIGEST, familiar.
  std::map<std::string, std::string> mapping;
  bool operator==(const FetchedBundle&) const = default;
};

// Where the parts of a bundle are read from; both verify what they give.
struct PartReader {
  std::function<absl::StatusOr<OciManifest>(const Reference& reference)> manifest;
  std::function<absl::StatusOr<std::string>(const Reference& repository, const std::string& digest,
                                            size_t max_bytes)>
      blob;
};

// Errors: those of Registry or of the reader; bundle-invalid where the reference
// is no bundle.
absl::StatusOr<FetchedBundle> FetchBundle(Registry& registry, const Reference& reference);
absl::StatusOr<FetchedBundle> FetchBundle(const PartReader& read, const Reference& reference);

// What an index says of a bundle's images, without a registry.
absl::StatusOr<std::map<std::string, std::string>> MappingOf(const Source& index,
                                                             const Source& bundle_json,
                                                             const Reference& repository);

}  // namespace deps

#endif  // DEPS_LIB_OCI_BUNDLE_FORMAT_H_
