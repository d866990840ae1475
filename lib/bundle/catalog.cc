#include "lib/bundle/catalog.h"

#include <algorithm>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/match.h"
#include "lib/base/status_macros.h"
#include "lib/bundle/index_shelf.h"
#include "lib/bundle/layout_shelf.h"
#include "lib/bundle/operand.h"
#include "lib/bundle/read.h"
#include "lib/diag/diagnostic.h"
#include "lib/diag/source.h"
#include "lib/io/file.h"
#include "lib/model/index.h"
#include "lib/model/relocation.h"
#include "lib/oci/bundle_format.h"
#include "lib/oci/content_cache.h"
#include "lib/oci/manifest.h"

namespace deps {
namespace {

// Answers by question; each is looked for once, also by threads that ask at the
// same time.
template <typename Answer>
class Kept {
 public:
  const Answer& Get(const std::string& key, const std::function<Answer()>& find) {
    std::shared_ptr<Slot> slot;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      std::shared_ptr<Slot>& entry = slots_[key];
      if (entry == nullptr) entry = std::make_shared<Slot>();
      slot = entry;
    }
    std::call_once(slot->once, [&] { slot->answer.emplace(find()); });
    return *slot->answer;
  }

 private:
  struct Slot {
    std::once_flag once;
    std::optional<Answer> answer;
  };
  std::mutex mutex_;
  absl::flat_hash_map<std::string, std::shared_ptr<Slot>> slots_;
};

// A relocation mapping by full references.
class Relocated {
 public:
  absl::Status Read(const std::string& path) {
    DEPS_ASSIGN_OR_RETURN(const Source source, ReadFile(path));
    DEPS_ASSIGN_OR_RETURN(const RelocationMapping mapping, ParseMapping(source));
    for (const auto& [original, target] : mapping) {
      const absl::StatusOr<Reference> key = Reference::Parse(original);
      DEPS_RETURN_IF_ERROR(WithFile(key.status(), path));
      const absl::StatusOr<Reference> value = Reference::Parse(target);
      DEPS_RETURN_IF_ERROR(WithFile(value.status(), path));
      targets_.insert_or_assign(key->Full(), *value);
      repositories_[key->Repository()].push_back(*key);
    }
    return absl::OkStatus();
  }

  const Reference* Find(const Reference& reference) const {
    const auto found = targets_.find(reference.Full());
    return found == targets_.end() ? nullptr : &found->second;
  }

  bool Holds(const Reference& reference) const {
    return repositories_.contains(reference.Repository());
  }

  std::vector<std::string> Tags(const Reference& repository) const {
    std::vector<std::string> tags;
    const auto found = repositories_.find(repository.Repository());
    if (found == repositories_.end()) return tags;
    for (const Reference& key : found->second) {
      if (!key.tag().empty()) tags.push_back(key.tag());
    }
    return tags;
  }

  // The digest that the bundle at `target` has where it came from, so that what
  // is written with it is found in the mapping again.
  std::string OriginalDigest(const Reference& asked, const Reference& target) const {
    if (!asked.digest().empty()) return asked.digest();
    for (const Reference& key : repositories_.at(asked.Repository())) {
      if (!key.digest().empty() && targets_.at(key.Full()) == target) return key.digest();
    }
    return "";
  }

 private:
  std::map<std::string, Reference> targets_;
  std::map<std::string, std::vector<Reference>> repositories_;
};

// Where content is kept between runs; "" where there is no place for it.
std::string CacheFolder(const Env& env) {
  const std::optional<std::string> cache = env.getenv("XDG_CACHE_HOME");
  // A relative one does not count (XDG Base Directory Specification).
  if (cache && absl::StartsWith(*cache, "/")) return *cache + "/cnab-deps";
  const std::optional<std::string> home = env.getenv("HOME");
  return home && absl::StartsWith(*home, "/") ? *home + "/.cache/cnab-deps" : "";
}

using BundleAnswer = absl::StatusOr<std::shared_ptr<const BundleDefinition>>;
using DigestAnswer = absl::StatusOr<std::string>;
using TagsAnswer = absl::StatusOr<std::vector<std::string>>;

}  // namespace

struct Catalog::State {
  CatalogOptions options;
  std::function<std::optional<std::string>(std::string_view)> getenv;
  IndexShelf shelf;
  std::vector<std::unique_ptr<LayoutShelf>> layouts;
  std::unique_ptr<ContentCache> cache;
  Relocated relocated;
  Kept<BundleAnswer> bundles;
  Kept<DigestAnswer> digests;
  Kept<TagsAnswer> tags;
  std::once_flag registry_once;
  absl::StatusOr<std::unique_ptr<Registry>> registry = nullptr;

  // Made at the first use: what an index holds needs no configuration.
  absl::StatusOr<Registry*> GetRegistry() {
    std::call_once(registry_once, [this] { registry = Registry::Create(options.access, getenv); });
    DEPS_RETURN_IF_ERROR(registry.status());
    return registry->get();
  }

  const LayoutShelf* LayoutOf(const Reference& reference) const {
    for (const std::unique_ptr<LayoutShelf>& layout : layouts) {
      if (layout->Has(reference) || layout->Holds(reference)) return layout.get();
    }
    return nullptr;
  }

  absl::StatusOr<BundleDefinition> Fetch(const Reference& reference) {
    if (shelf.Holds(reference)) return shelf.Get(reference);
    if (const LayoutShelf* const layout = LayoutOf(reference)) return layout->Get(reference);
    const PartReader read = {
        .manifest = [this](const Reference& part) { return Manifest(part); },
        .blob = [this](const Reference& repository, const std::string& digest,
                       size_t max_bytes) { return Blob(repository, digest, max_bytes); }};
    DEPS_ASSIGN_OR_RETURN(FetchedBundle fetched, FetchBundle(read, reference));
    DEPS_ASSIGN_OR_RETURN(BundleDefinition definition,
                          ReadBundleJson(Source{.name = reference.Familiar(),
                                                .text = std::move(fetched.bundle_json)}));
    definition.bundle.digest = fetched.digest;
    return definition;
  }

  absl::StatusOr<OciManifest> Manifest(const Reference& reference) {
    if (std::optional<OciManifest> kept = cache->Get(reference.digest())) return *std::move(kept);
    DEPS_ASSIGN_OR_RETURN(Registry* const from, GetRegistry());
    DEPS_ASSIGN_OR_RETURN(OciManifest manifest, from->GetManifest(reference));
    cache->Put(manifest);
    return manifest;
  }

  absl::StatusOr<std::string> Blob(const Reference& repository, const std::string& digest,
                                   size_t max_bytes) {
    std::optional<OciManifest> kept = cache->Get(digest);
    if (kept && kept->bytes.size() <= max_bytes) return std::move(kept->bytes);
    DEPS_ASSIGN_OR_RETURN(Registry* const from, GetRegistry());
    DEPS_ASSIGN_OR_RETURN(std::string bytes, from->GetBlob(repository, digest, max_bytes));
    OciManifest content = {
        .bytes = std::move(bytes), .media_type = std::string(kCnabConfigType), .digest = digest};
    cache->Put(content);
    return std::move(content.bytes);
  }

  absl::StatusOr<std::vector<std::string>> ListTags(const Reference& repository) {
    DEPS_ASSIGN_OR_RETURN(Registry* const from, GetRegistry());
    std::optional<ContentCache::Tags> kept = cache->GetTags(repository.Repository());
    DEPS_ASSIGN_OR_RETURN(Registry::TagList list,
                          from->ListTags(repository, kept ? kept->mark : ""));
    if (kept && list.is_unchanged) return std::move(kept->tags);
    cache->PutTags(repository.Repository(), {.mark = list.mark, .tags = list.tags});
    return std::move(list.tags);
  }

  BundleAnswer Find(const std::string& text) {
    DEPS_ASSIGN_OR_RETURN(Reference reference, Reference::Parse(text));
    if (reference.tag().empty() && reference.digest().empty()) {
      reference = reference.WithTag("latest");
    }
    const Reference* target = relocated.Find(reference);
    DEPS_ASSIGN_OR_RETURN(BundleDefinition definition,
                          Fetch(target != nullptr ? *target : reference));
    definition.bundle.reference = text;
    if (target != nullptr) {
      const std::string original = relocated.OriginalDigest(reference, *target);
      if (!original.empty()) definition.bundle.digest = original;
    }
    return std::make_shared<const BundleDefinition>(std::move(definition));
  }

  bool IsRemote(const Reference& reference) const {
    return !shelf.Holds(reference) && LayoutOf(reference) == nullptr;
  }

  DigestAnswer FindDigest(const std::string& text) {
    DEPS_ASSIGN_OR_RETURN(const Reference reference, Reference::Parse(text));
    if (relocated.Find(reference) != nullptr || !IsRemote(reference)) {
      const BundleAnswer bundle = bundles.Get(text, [&] { return Find(text); });
      DEPS_RETURN_IF_ERROR(bundle.status());
      return (*bundle)->bundle.digest;
    }
    DEPS_ASSIGN_OR_RETURN(Registry* const from, GetRegistry());
    DEPS_ASSIGN_OR_RETURN(const std::optional<Descriptor> manifest, from->HeadManifest(reference));
    if (manifest) return manifest->digest;
    return MakeError({.id = DiagnosticId::kRegistryNotFound,
                      .message = absl::StrCat(reference.Familiar(), " is not there")});
  }

  TagsAnswer FindTags(const std::string& text) {
    DEPS_ASSIGN_OR_RETURN(const Reference repository, Reference::Parse(text));
    std::vector<std::string> found = relocated.Tags(repository);
    if (shelf.Holds(repository)) {
      for (std::string& tag : shelf.Tags(repository)) found.push_back(std::move(tag));
    } else if (const LayoutShelf* const layout = LayoutOf(repository)) {
      for (std::string& tag : layout->Tags(repository)) found.push_back(std::move(tag));
    } else if (!relocated.Holds(repository)) {
      absl::StatusOr<std::vector<std::string>> listed = ListTags(repository);
      if (!listed.ok() && !HasId(listed.status(), DiagnosticId::kRegistryNotFound)) {
        return listed.status();
      }
      if (listed.ok()) found = *std::move(listed);
    }
    std::sort(found.begin(), found.end());
    found.erase(std::unique(found.begin(), found.end()), found.end());
    return found;
  }
};

void AddCatalogOptions(CommandSpec* spec, CatalogOptions* options) {
  const auto add = [&](Option option) {
    option.group = "Registries";
    spec->options.push_back(std::move(option));
  };
  add(Value("index", "FILE", &options->indexes,
            "Take bundles from FILE, a document of kind Index, instead of a registry. "
            "FILE may also be an archive (.tgz) or a layout (oci:FOLDER). A "
            "repository that FILE holds is never asked of a network."));
  add(Flag("no-cache", &options->no_cache,
           "Neither use nor keep what registries said in other runs."));
  add(Value("mapping", "FILE", &options->mapping,
            "Look up every reference in FILE, a relocation mapping, and use what stands there. Of "
            "a repository that FILE holds only the tags in it are known."));
  AddRegistryOptions(spec, &options->access);
  spec->environment.emplace_back(
      "XDG_CACHE_HOME  cnab-deps in it keeps what registries said, by digest and at most 256 MiB; "
      "without it ~/.cache");
}

Catalog::Catalog(std::unique_ptr<State> state) : state_(std::move(state)) {}
Catalog::~Catalog() = default;

absl::StatusOr<std::unique_ptr<Catalog>> Catalog::Open(const CatalogOptions& options,
                                                       const Env& env) {
  auto state = std::make_unique<State>();
  state->options = options;
  state->getenv = env.getenv;
  state->cache = std::make_unique<ContentCache>(options.no_cache ? "" : CacheFolder(env));
  for (const std::string& path : options.indexes) {
    if (IsLayoutOperand(path) || IsArchiveName(path)) {
      DEPS_ASSIGN_OR_RETURN(OpenedLayout layout, OpenLayout(path));
      state->layouts.push_back(std::move(layout.shelf));
      continue;
    }
    DEPS_ASSIGN_OR_RETURN(Source source, ReadFile(path, kMaxIndexBytes));
    DEPS_RETURN_IF_ERROR(state->shelf.Add(std::move(source)));
  }
  if (!options.mapping.empty()) DEPS_RETURN_IF_ERROR(state->relocated.Read(options.mapping));
  return std::unique_ptr<Catalog>(new Catalog(std::move(state)));
}

absl::StatusOr<std::shared_ptr<const BundleDefinition>> Catalog::Get(const std::string& reference) {
  return state_->bundles.Get(reference, [&] { return state_->Find(reference); });
}

absl::StatusOr<std::string> Catalog::Digest(const std::string& reference) {
  return state_->digests.Get(reference, [&] { return state_->FindDigest(reference); });
}

absl::StatusOr<std::vector<std::string>> Catalog::Tags(const std::string& repository) {
  return state_->tags.Get(repository, [&] { return state_->FindTags(repository); });
}

void Catalog::Add(std::unique_ptr<LayoutShelf> layout) {
  state_->layouts.push_back(std::move(layout));
}

bool Catalog::IsRemote(const std::string& text) const {
  const absl::StatusOr<Reference> reference = Reference::Parse(text);
  return reference.ok() && !state_->options.access.offline && state_->IsRemote(*reference);
}

absl::StatusOr<std::vector<std::string>> Catalog::Providers(const std::string& id) {
  return state_->shelf.Providers(id);
}

}  // namespace deps
