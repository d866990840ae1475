#include "lib/bundle/index_shelf.h"

#include <algorithm>
#include <optional>
#include <set>
#include <string_view>
#include <tuple>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "lib/base/status_macros.h"
#include "lib/bundle/read.h"
#include "lib/diag/diagnostic.h"
#include "lib/diag/source.h"
#include "lib/digest/sha256.h"
#include "lib/semver/semver.h"

namespace deps {
namespace {

// Whether a bundle.json says that it provides `id`. Most are not read for that:
// canonical text spells the member one way only.
absl::StatusOr<bool> Provides(const std::string& text, const std::string& name,
                              const std::string& id) {
  if (id.empty()) return true;
  if (!absl::StrContains(text, "\"provides\"")) return false;
  DEPS_ASSIGN_OR_RETURN(const BundleDefinition definition,
                        ReadBundleJson(Source{.name = name, .text = text}));
  const std::vector<std::string>& provides = definition.bundle.provides;
  return std::find(provides.begin(), provides.end(), id) != provides.end();
}

}  // namespace

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

std::vector<const IndexShelf::Item*> IndexShelf::BestFirst(const std::vector<Item>& items) {
  std::vector<std::pair<VersionTag, const Item*>> versions;
  std::vector<const Item*> others;
  std::set<std::string_view> tags;  // The first document that has a tag counts.
  for (const Item& item : items) {
    if (!item.tag.empty() && !tags.insert(item.tag).second) continue;
    if (std::optional<VersionTag> version = ParseVersionTag(item.tag)) {
      versions.emplace_back(*std::move(version), &item);
    } else {
      others.push_back(&item);
    }
  }
  std::sort(versions.begin(), versions.end(),
            [](const auto& a, const auto& b) { return BetterTag(a.first, b.first); });
  std::sort(others.begin(), others.end(), [](const Item* a, const Item* b) {
    return std::tie(a->tag, a->digest) < std::tie(b->tag, b->digest);
  });
  std::vector<const Item*> sorted;
  for (const auto& [version, item] : versions) sorted.push_back(item);
  sorted.insert(sorted.end(), others.begin(), others.end());
  return sorted;
}

absl::StatusOr<std::vector<std::string>> IndexShelf::Providers(const std::string& id) const {
  std::vector<std::string> repositories;
  for (const auto& [repository, items] : repositories_) repositories.push_back(repository);
  std::sort(repositories.begin(), repositories.end());
  std::vector<std::string> providers;
  for (const std::string& repository : repositories) {
    for (const Item* item : BestFirst(repositories_.at(repository))) {
      const std::string name = item->tag.empty() ? absl::StrCat(repository, "@", item->digest)
                                                 : absl::StrCat(repository, ":", item->tag);
      DEPS_ASSIGN_OR_RETURN(const bool provides, Provides(item->bundle.text, name, id));
      if (provides) providers.push_back(name);
    }
  }
  return providers;
}

}  // namespace deps
