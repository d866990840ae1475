// The manifests and blobs of a family while it is gathered from registries.
#ifndef DEPS_LIB_RELOCATE_CONTENT_H_
#define DEPS_LIB_RELOCATE_CONTENT_H_

#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "lib/oci/manifest.h"
#include "lib/oci/reference.h"
#include "lib/oci/registry.h"
#include "lib/relocate/collect.h"
#include "lib/relocate/family.h"

namespace deps {

class ContentCollector {
 public:
  // `family` has its folder; all must outlive the collector.
  ContentCollector(Registry& registry, const CollectOptions& options, Family* family)
      : registry_(registry), options_(options), family_(*family) {}

  // In a check `status` becomes a difference, if it can be one.
  absl::Status Check(const absl::Status& status, const std::string& subject);

  // Keeps what is known already.
  absl::Status AddText(const std::string& digest, std::string_view text);
  // The manifest at `reference`, which names it by digest, and all that it lists.
  // Layers are only noted. Errors: bundle-invalid, where indexes are nested too
  // deeply; those of Registry and ParseManifest.
  absl::Status AddManifest(const Reference& reference, int depth = 1);
  // Fetches what was noted, or says in the family where it is.
  absl::Status Download();

 private:
  absl::Status AddBlob(const Reference& repository, const Descriptor& blob);
  absl::StatusOr<std::string> PathOf(const std::string& digest) const;
  absl::Status Read(const Reference& repository, const std::string& digest, BlobFile* blob);
  absl::Status Fetch(const Reference& repository, const std::string& digest, BlobFile* blob);

  Registry& registry_;
  const CollectOptions& options_;
  Family& family_;
  std::map<std::string, Reference> downloads_;  // Digest -> a repository that has it.
  std::mutex mutex_;                            // Of differences and damage, while blobs come in.
  std::vector<std::string> bad_;
};

}  // namespace deps

#endif  // DEPS_LIB_RELOCATE_CONTENT_H_
