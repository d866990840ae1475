#include "lib/bundle/index_shelf.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "lib/base/status_macros.h"
#include "lib/bundle/read.h"
#include "lib/diag/diagnostic.h"
#include "lib/diag/source.h"
#include "lib/digest/sha256.h"

namespace deps {

absl::Status IndexShelf::Add(Index index) {
  const size_t number = indexes_++;
  absl::flat_hash_map<std::string, size_t> seen;  // Reference to position in its repository.
  for (IndexedBundle& bundle : index.bundles) {
    DEPS_ASSIGN_OR_RETURN(const Reference reference, Reference::Parse(bundle.reference));
    std::vector<Item>& items = repositories_[reference.Repository()];
    const auto [known, is_new] = seen.try_emplace(reference.Full(), items.size());
    if (!is_new) {
      const Item& first = items[known->second];
      if (first.bundle == bundle.bundle && first.digest == bundle.digest) continue;
      return MakeError({.id = DiagnosticId::kDocumentValue,
                        .message = absl::StrCat("the index has '", bundle.reference,
                                                "' twice, with different content")});
    }
    std::string digest = bundle.digest.empty() ? reference.digest() : bundle.digest;
    items.push_back({.tag = reference.tag(),
                     .digest = std::move(digest),
                     .bundle = std::move(bundle.bundle),
                     .index = number});
  }
  return absl::OkStatus();
}

bool IndexShelf::Holds(const Reference& reference) const {
  return repositories_.contains(reference.Repository());
}

const IndexShelf::Item* IndexShelf::Find(const Reference& reference) const {
  const auto repository = repositories_.find(reference.Repository());
  if (repository == repositories_.end()) return nullptr;
  const std::string tag = reference.tag().empty() ? "latest" : reference.tag();
  for (const Item& item : repository->second) {
    if (reference.digest().empty()
            ? item.tag == tag
            : reference.digest() ==
                  (item.digest.empty() ? Sha256Digest(item.bundle.text) : item.digest)) {
      return &item;
    }
  }
  return nullptr;
}

absl::StatusOr<BundleDefinition> IndexShelf::Get(const Reference& reference) const {
  const Item* item = Find(reference);
  if (item == nullptr) {
    return MakeError(
        {.id = DiagnosticId::kRegistryNotFound,
         .message = absl::StrCat("the index has bundles of '", reference.FamiliarRepository(),
                                 "', but not '", reference.Familiar(), "'")});
  }
  DEPS_ASSIGN_OR_RETURN(
      BundleDefinition definition,
      ReadBundleJson(Source{.name = reference.Familiar(), .text = item->bundle.text}));
  if (!item->digest.empty()) definition.bundle.digest = item->digest;
  return definition;
}

std::vector<std::string> IndexShelf::Tags(const Reference& repository) const {
  std::vector<std::string> tags;
  const auto found = repositories_.find(repository.Repository());
  if (found == repositories_.end()) return tags;
  for (const Item& item : found->second) {
    if (!item.tag.empty()) tags.push_back(item.tag);
  }
  std::sort(tags.begin(), tags.end());
  tags.erase(std::unique(tags.begin(), tags.end()), tags.end());
  return tags;
}

}  // namespace deps
