// Index documents as registries: repositories with tags and digests.
#ifndef DEPS_LIB_BUNDLE_INDEX_SHELF_H_
#define DEPS_LIB_BUNDLE_INDEX_SHELF_H_

#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "lib/bundle/places.h"
#include "lib/diag/source.h"
#include "lib/model/bundle.h"
#include "lib/model/index.h"
#include "lib/oci/reference.h"

namespace deps {

// A bundle.json is read when it is asked for. What is told of it has its place
// in the index. Get, Tags and Providers are thread-safe.
class IndexShelf {
 public:
  // Of the same reference in two indexes the first one counts.
  // Errors: those of ReadIndex; reference-invalid, digest-invalid;
  // document-value (twice in one index, with different content).
  absl::Status Add(Source source);

  // A repository that an index holds is complete: no registry is asked for it.
  bool Holds(const Reference& reference) const;

  // Errors: registry-not-found; those of ReadBundleJson.
  absl::StatusOr<BundleDefinition> Get(const Reference& reference) const;

  // Sorted by bytes.
  std::vector<std::string> Tags(const Reference& repository) const;

  // As Catalog::Providers.
  absl::StatusOr<std::vector<std::string>> Providers(const std::string& id) const;

 private:
  struct Document {
    explicit Document(Source text) : source(std::move(text)), places(source) {}
    const Source source;
    std::mutex mutex;
    Places places;  // Guarded by `mutex`.
  };
  struct Item {
    std::string name;  // REPOSITORY:TAG, or REPOSITORY@DIGEST where it has no tag.
    std::string tag;
    std::string digest;  // "": that of the canonical text.
    std::string_view bundle;
    Document* document = nullptr;
    size_t number = 0;  // In the document.
  };

  absl::Status AddEntry(Document* document, size_t number, const IndexEntry& entry);
  const Item* Find(const Reference& reference) const;
  const Item* FindByContent(const Reference& reference) const;
  absl::StatusOr<BundleDefinition> Read(const Item& item) const;
  std::vector<const Item*> BestFirst(const std::vector<size_t>& items) const;

  std::vector<std::unique_ptr<Document>> documents_;
  std::vector<Item> items_;
  absl::flat_hash_map<std::string, std::vector<size_t>> repositories_;
  absl::flat_hash_map<std::string, size_t> names_;  // By tag, and by digest where one is given.

  // Digests of canonical texts, of repositories that were asked for one.
  mutable std::mutex mutex_;
  mutable absl::flat_hash_map<std::string, absl::flat_hash_map<std::string, size_t>> contents_;
};

}  // namespace deps

#endif  // DEPS_LIB_BUNDLE_INDEX_SHELF_H_
