// Manifests and indexes of images: which types there are, and what they name.
//
// Source: OCI image-spec 1.1; Docker image manifest version 2, schema 2.
#ifndef DEPS_LIB_OCI_MANIFEST_H_
#define DEPS_LIB_OCI_MANIFEST_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "lib/diag/source.h"

namespace deps {

inline constexpr std::string_view kOciManifest = "application/vnd.oci.image.manifest.v1+json";
inline constexpr std::string_view kOciIndex = "application/vnd.oci.image.index.v1+json";
inline constexpr std::string_view kDockerManifest =
    "application/vnd.docker.distribution.manifest.v2+json";
inline constexpr std::string_view kDockerList =
    "application/vnd.docker.distribution.manifest.list.v2+json";

// Larger manifests are neither read nor written.
inline constexpr size_t kMaxManifestBytes = size_t{8} << 20;

// Whether it is one of the four types above.
bool IsManifestType(std::string_view media_type);
// Whether it is one of the two that list other manifests.
bool IsIndexType(std::string_view media_type);

struct Descriptor {
  std::string media_type;
  std::string digest;
  int64_t size = 0;
  std::map<std::string, std::string> annotations = {};
  std::string platform = {};  // "linux/arm64/v8"; "" where the descriptor has none.
  bool foreign = false;       // Kept elsewhere (`urls` and a "nondistributable" or "foreign" type).
  std::string artifact_type = {};  // "" where the descriptor has none.
  bool operator==(const Descriptor&) const = default;
};

// A manifest as a registry or a layout has it: bytes that are never rewritten.
struct OciManifest {
  std::string bytes;
  std::string media_type;
  std::string digest;  // Of the bytes, "sha256:…".
  bool operator==(const OciManifest&) const = default;
};

// What a manifest names, in its order.
struct ManifestContent {
  std::vector<Descriptor> manifests;  // Of an index.
  std::vector<Descriptor> blobs;      // Of a manifest: the config first, then the layers.
  std::map<std::string, std::string> annotations;
  std::string subject = {};        // The digest of what it belongs to; "" where it tells none.
  std::string artifact_type = {};  // "" where it tells none.
  bool operator==(const ManifestContent&) const = default;
};

// Reads the bytes of a manifest or index of type `media_type`; `source.name`
// says where they are from. `"layers": null` is no layers (cnab-to-oci).
//
// Errors: those of json::Parse; bundle-invalid where it is of another type, of
// two types at once, or a descriptor is malformed (digest, negative size).
absl::StatusOr<ManifestContent> ParseManifest(const Source& source, std::string_view media_type);

}  // namespace deps

#endif  // DEPS_LIB_OCI_MANIFEST_H_
