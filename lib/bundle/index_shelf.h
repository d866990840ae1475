// Index documents as registries: repositories with tags and digests.
#ifndef DEPS_LIB_BUNDLE_INDEX_SHELF_H_
#define DEPS_LIB_BUNDLE_INDEX_SHELF_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "lib/json/json.h"
#include "lib/model/bundle.h"
#include "lib/model/index.h"
#include "lib/oci/reference.h"

namespace deps {

class IndexShelf {
 public:
  // Of the same reference in two indexes the first one counts.
  // Errors: reference-invalid; document-value (twice in one index, with
  // different content).
  absl::Status Add(Index index);

  // A repository that an index holds is complete: no registry is asked for it.
  bool Holds(const Reference& reference) const;

  // Errors: registry-not-found; those of ReadBundleJson.
  absl::StatusOr<BundleDefinition> Get(const Reference& reference) const;

  // Sorted by bytes.
  std::vector<std::string> Tags(const Reference& repository) const;

  // As Catalog::Providers.
  absl::StatusOr<std::vector<std::string>> Providers(const std::string& id) const;

 private:
  struct Item {
    std::string tag;
    std::string digest;  // "": that of the text.
    JsonText bundle;
    size_t index = 0;  // Which document it is from.
  };
  static std::vector<const Item*> BestFirst(const std::vector<Item>& items);
  const Item* Find(const Reference& reference) const;

  size_t indexes_ = 0;
  absl::flat_hash_map<std::string, std::vector<Item>> repositories_;  // Only for look-ups.
};

}  // namespace deps

#endif  // DEPS_LIB_BUNDLE_INDEX_SHELF_H_
