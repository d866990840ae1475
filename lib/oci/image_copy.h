// Copies of images into a repository, by digest and byte for byte, from another
// repository or from an OCI layout.
//
// Source: OCI image-spec 1.1, image-layout.md.
#ifndef DEPS_LIB_OCI_IMAGE_COPY_H_
#define DEPS_LIB_OCI_IMAGE_COPY_H_

#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "lib/oci/manifest.h"
#include "lib/oci/reference.h"
#include "lib/oci/registry.h"

namespace deps {

// Where images are.
class ImageSource {
 public:
  virtual ~ImageSource() = default;
  // The image that was asked for when the source was made.
  virtual absl::StatusOr<OciManifest> Root() = 0;
  // A manifest that an index of the source lists.
  virtual absl::StatusOr<OciManifest> Child(const Descriptor& descriptor) = 0;
  // Writes a blob that a manifest of the source names to `path`, a new file, and
  // verifies it.
  virtual absl::Status GetBlob(const Descriptor& descriptor, const std::string& path) = 0;
  // Puts a blob that a manifest of the source names into `repository`.
  virtual absl::Status PutBlob(const Descriptor& descriptor, Registry& registry,
                               const Reference& repository) = 0;
};

// The image at `reference`. `registry` must outlive the source. Blobs are
// mounted where the host is the same, else they go through a temporary file.
std::unique_ptr<ImageSource> ImageInRegistry(Registry& registry, const Reference& reference);

// "DIR" or "DIR:TAG": the image with that tag (org.opencontainers.image.ref.name),
// or the only one. Errors, of the calls: file-not-found, file-read,
// digest-mismatch, archive-invalid (no layout, no such tag).
std::unique_ptr<ImageSource> ImageInLayout(std::string_view folder_and_tag);

// Copies what `source` has to `repository`: blobs first, then manifests by their
// digest, children before what lists them. What is there already is not sent.
// Layers that are kept elsewhere (foreign) are not copied. Returns the image's
// descriptor. Errors: those of Registry, ParseManifest and the source;
// bundle-invalid where indexes are nested too deeply.
absl::StatusOr<Descriptor> CopyImage(ImageSource& source, Registry& registry,
                                     const Reference& repository);

}  // namespace deps

#endif  // DEPS_LIB_OCI_IMAGE_COPY_H_
