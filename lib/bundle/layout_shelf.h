// OCI layouts as registries: folders, and the archives that hold one.
#ifndef DEPS_LIB_BUNDLE_LAYOUT_SHELF_H_
#define DEPS_LIB_BUNDLE_LAYOUT_SHELF_H_

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "lib/archive/archive.h"
#include "lib/diag/source.h"
#include "lib/model/bundle.h"
#include "lib/oci/manifest.h"
#include "lib/oci/reference.h"

namespace deps {

// A layout names its bundles by the annotation org.opencontainers.image.ref.name
// of an entry: a whole reference, or a tag alone. Content is found by its digest
// whatever it is called. Thread-safe.
class LayoutShelf {
 public:
  // `folder` holds an index.json and blobs/. Every blob is verified when it is
  // read. Errors: file-not-found, file-read; those of ParseManifest.
  static absl::StatusOr<std::unique_ptr<LayoutShelf>> OfFolder(const std::string& folder);
  // `name` is the archive's, for messages. Its blobs stay until the shelf goes.
  // Errors also: those of ParseMapping, ImagesOf and EncodeBundle.
  static absl::StatusOr<std::unique_ptr<LayoutShelf>> OfArchive(OpenedArchive archive,
                                                                const std::string& name);

  // Whether an entry names this repository: then it is complete.
  bool Holds(const Reference& reference) const;
  // Whether Get has it: an entry's name, or the digest of any entry.
  bool Has(const Reference& reference) const;

  // Errors: registry-not-found; bundle-invalid; digest-mismatch; file-…; those of
  // ReadBundleJson.
  absl::StatusOr<BundleDefinition> Get(const Reference& reference) const;

  // Sorted by bytes.
  std::vector<std::string> Tags(const Reference& repository) const;

  // Whether the layout says which bundle it is there for, as our archives do.
  bool HasRoot() const;

  // The bundle that the layout is there for: the one that is called so, where
  // `tag` is not "", else the archive's own, the only one, or "latest".
  // Errors: registry-not-found, with what there is; those of Get.
  absl::StatusOr<BundleDefinition> Main(const std::string& tag) const;

 private:
  struct Entry {
    Descriptor descriptor;
    std::string name;      // The annotation.
    Source document = {};  // Its bundle.json, where the layout has no index for it.
  };
  using ReadBlob = std::function<absl::StatusOr<std::string>(const std::string& digest, size_t)>;

  LayoutShelf(std::string name, ReadBlob read) : name_(std::move(name)), read_(std::move(read)) {}
  absl::Status AddEntries(const Source& index);
  // Bundles beside the layout that it says nothing of: each is what its
  // bundle.json, mapping and images would be in a registry.
  absl::Status AddDocuments(const BundleArchive& archive);
  void AddName(const Reference& reference, bool is_bundle, size_t entry);
  absl::StatusOr<OciManifest> ReadManifest(const Descriptor& descriptor) const;
  absl::StatusOr<BundleDefinition> Read(const Entry& entry) const;
  const Entry* Find(const Reference& reference) const;

  const std::string name_;
  const ReadBlob read_;
  std::vector<Entry> entries_;
  std::map<std::string, size_t> names_;                   // Full references with a tag.
  std::map<std::string, size_t> digests_;                 // The first entry of each.
  std::map<std::string, std::vector<std::string>> tags_;  // By repository.
};

}  // namespace deps

#endif  // DEPS_LIB_BUNDLE_LAYOUT_SHELF_H_
