#include "lib/bundle/index_shelf.h"

#include <algorithm>
#include <optional>
#include <tuple>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "lib/base/status_macros.h"
#include "lib/bundle/read.h"
#include "lib/diag/diagnostic.h"
#include "lib/digest/sha256.h"
#include "lib/json/json.h"
#include "lib/semver/semver.h"

namespace deps {
namespace {

std::string CanonicalOf(std::string_view text) {
  const absl::StatusOr<json::Value> value = json::Parse({.name = "", .text = std::string(text)});
  return value.ok() ? json::Canonical(*value) : "";  // Add has read it.
}

// From places in a bundle.json to places in the index that it stands in.
class Shift {
 public:
  Shift(Location base, size_t number)
      : base_(std::move(base)), pointer_(absl::StrCat("/bundles/", number, "/bundle")) {}

  void Line(int* line, int* column) const {
    if (*line == 0) return;
    if (*line == 1) *column += base_.column - 1;
    *line += base_.line - 1;
  }
  void Place(Location* location) const {
    location->file = base_.file;
    Line(&location->line, &location->column);
    location->pointer.insert(0, pointer_);
  }
  absl::Status Error(const absl::Status& status) const {
    std::vector<Diagnostic> diagnostics = DiagnosticsOf(status);
    for (Diagnostic& diagnostic : diagnostics) Place(&diagnostic.location);
    return MakeErrors(std::move(diagnostics));
  }
  void Definition(BundleDefinition* definition) const {
    for (Dependency& dependency : definition->dependencies) {
      Place(&dependency.location);
      dependency.places.Edit([this](std::vector<MemberPlace>& places) {
        for (MemberPlace& place : places) Line(&place.line, &place.column);
      });
    }
    for (DependencySource& source : definition->sources) Place(&source.location);
  }

 private:
  const Location base_;
  const std::string pointer_;
};

}  // namespace

absl::Status IndexShelf::Add(Source source) {
  Document* const document =
      documents_.emplace_back(std::make_unique<Document>(std::move(source))).get();
  DEPS_ASSIGN_OR_RETURN(const std::vector<IndexEntry> entries, ReadIndex(document->source));
  items_.reserve(items_.size() + entries.size());
  for (size_t i = 0; i < entries.size(); ++i) {
    const absl::Status status = AddEntry(document, i, entries[i]);
    if (status.ok()) continue;
    std::vector<Diagnostic> diagnostics = DiagnosticsOf(status);
    for (Diagnostic& diagnostic : diagnostics) {
      diagnostic.location =
          document->places.At(entries[i].offset, absl::StrCat("/bundles/", i, "/reference"));
    }
    return MakeErrors(std::move(diagnostics));
  }
  return absl::OkStatus();
}

absl::Status IndexShelf::AddEntry(Document* document, size_t number, const IndexEntry& entry) {
  DEPS_ASSIGN_OR_RETURN(const Reference reference, Reference::Parse(entry.reference));
  Item item = {.tag = reference.tag(),
               .digest = entry.digest.empty() ? reference.digest() : entry.digest,
               .bundle = entry.bundle,
               .document = document,
               .number = number};
  const std::string repository = reference.Repository();
  if (item.tag.empty() && item.digest.empty()) {
    item.digest = Sha256Digest(CanonicalOf(item.bundle));
  }
  const std::string digested = absl::StrCat(repository, "@", item.digest);
  item.name = item.tag.empty() ? digested : absl::StrCat(repository, ":", item.tag);
  const auto [known, is_new] = names_.try_emplace(item.name, items_.size());
  if (!is_new) {
    const Item& first = items_[known->second];
    if (first.document != document) return absl::OkStatus();
    const bool same =
        first.digest == item.digest &&
        (first.bundle == item.bundle || CanonicalOf(first.bundle) == CanonicalOf(item.bundle));
    if (same) return absl::OkStatus();
    return MakeError({.id = DiagnosticId::kDocumentValue,
                      .message = absl::StrCat("the index has '", entry.reference,
                                              "' twice, with different content")});
  }
  if (!item.digest.empty()) names_.try_emplace(digested, items_.size());
  repositories_[repository].push_back(items_.size());
  items_.push_back(std::move(item));
  return absl::OkStatus();
}

bool IndexShelf::Holds(const Reference& reference) const {
  return repositories_.contains(reference.Repository());
}

const IndexShelf::Item* IndexShelf::Find(const Reference& reference) const {
  const std::string tag = reference.tag().empty() ? "latest" : reference.tag();
  const auto found = names_.find(
      reference.digest().empty() ? absl::StrCat(reference.Repository(), ":", tag)
                                 : absl::StrCat(reference.Repository(), "@", reference.digest()));
  if (found != names_.end()) return &items_[found->second];
  return reference.digest().empty() ? nullptr : FindByContent(reference);
}

const IndexShelf::Item* IndexShelf::FindByContent(const Reference& reference) const {
  const std::string repository = reference.Repository();
  const auto items = repositories_.find(repository);
  if (items == repositories_.end()) return nullptr;
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto [contents, is_new] = contents_.try_emplace(repository);
  if (is_new) {
    for (const size_t i : items->second) {
      if (!items_[i].digest.empty()) continue;
      contents->second.try_emplace(Sha256Digest(CanonicalOf(items_[i].bundle)), i);
    }
  }
  const auto found = contents->second.find(reference.digest());
  return found == contents->second.end() ? nullptr : &items_[found->second];
}

absl::StatusOr<BundleDefinition> IndexShelf::Read(const Item& item) const {
  absl::StatusOr<BundleDefinition> definition =
      ReadBundleJson({.name = item.name, .text = std::string(item.bundle)});
  if (definition.ok() && definition->dependencies.empty() && definition->sources.empty()) {
    return definition;
  }
  Document& document = *item.document;
  const auto offset = static_cast<size_t>(item.bundle.data() - document.source.text.data());
  Location base;
  {
    const std::lock_guard<std::mutex> lock(document.mutex);
    base = document.places.At(offset, "");
  }
  const Shift shift(std::move(base), item.number);
  if (!definition.ok()) return shift.Error(definition.status());
  shift.Definition(&*definition);
  return definition;
}

absl::StatusOr<BundleDefinition> IndexShelf::Get(const Reference& reference) const {
  const Item* const item = Find(reference);
  if (item == nullptr) {
    return MakeError(
        {.id = DiagnosticId::kRegistryNotFound,
         .message = absl::StrCat("the index has bundles of '", reference.FamiliarRepository(),
                                 "', but not '", reference.Familiar(), "'")});
  }
  DEPS_ASSIGN_OR_RETURN(BundleDefinition definition, Read(*item));
  if (!item->digest.empty()) definition.bundle.digest = item->digest;
  return definition;
}

std::vector<std::string> IndexShelf::Tags(const Reference& repository) const {
  std::vector<std::string> tags;
  const auto found = repositories_.find(repository.Repository());
  if (found == repositories_.end()) return tags;
  for (const size_t i : found->second) {
    if (!items_[i].tag.empty()) tags.push_back(items_[i].tag);
  }
  std::sort(tags.begin(), tags.end());
  return tags;
}

std::vector<const IndexShelf::Item*> IndexShelf::BestFirst(const std::vector<size_t>& items) const {
  std::vector<std::pair<VersionTag, const Item*>> versions;
  std::vector<const Item*> others;
  for (const size_t i : items) {
    if (std::optional<VersionTag> version = ParseVersionTag(items_[i].tag)) {
      versions.emplace_back(*std::move(version), &items_[i]);
    } else {
      others.push_back(&items_[i]);
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
      // Most are not read for this. A key may be spelled with escapes.
      const bool may =
          absl::StrContains(item->bundle, "\"provides\"") || absl::StrContains(item->bundle, "\\u");
      if (!id.empty() && !may) continue;
      if (!id.empty()) {
        DEPS_ASSIGN_OR_RETURN(const BundleDefinition definition, Read(*item));
        const std::vector<std::string>& provides = definition.bundle.provides;
        if (std::find(provides.begin(), provides.end(), id) == provides.end()) continue;
      }
      providers.push_back(item->name);
    }
  }
  return providers;
}

}  // namespace deps
