#include "lib/bundle/layout_shelf.h"

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "lib/archive/archived_blob.h"
#include "lib/base/status_macros.h"
#include "lib/bundle/read.h"
#include "lib/diag/diagnostic.h"
#include "lib/digest/sha256.h"
#include "lib/io/file.h"
#include "lib/json/json.h"
#include "lib/model/relocation.h"
#include "lib/oci/bundle_format.h"

namespace deps {
namespace {

constexpr char kRefName[] = "org.opencontainers.image.ref.name";
// As oci-relocate writes it: the folder of a bundle's documents, "." for the root.
constexpr char kFolder[] = "cnab-deps.folder";
// A JSON array of how requirements name it.
constexpr char kReferences[] = "cnab-deps.references";
// What a bundle is called in messages where the layout gives it no repository.
constexpr char kNoRepository[] = "localhost/layout";

std::string AnnotationOf(const Descriptor& descriptor, const char* key) {
  const auto found = descriptor.annotations.find(key);
  return found == descriptor.annotations.end() ? "" : found->second;
}

// A name is a whole reference where it has a tag or digest of its own; a tag
// alone would be read as a repository.
std::optional<Reference> WholeReference(const std::string& name) {
  const absl::StatusOr<Reference> reference = Reference::Parse(name);
  if (!reference.ok() || (reference->tag().empty() && reference->digest().empty())) {
    return std::nullopt;
  }
  return *reference;
}

// Layouts do not say what type a manifest within an index is of.
std::string TypeOf(const Source& manifest) {
  const absl::StatusOr<json::Value> value = json::Parse(manifest);
  const json::Value* type = value.ok() ? value->Find("mediaType") : nullptr;
  if (type != nullptr && type->IsString()) return type->text;
  const bool is_index = value.ok() && value->Find("manifests") != nullptr;
  return std::string(is_index ? kOciIndex : kOciManifest);
}

}  // namespace

absl::StatusOr<std::unique_ptr<LayoutShelf>> LayoutShelf::OfFolder(const std::string& folder) {
  DEPS_ASSIGN_OR_RETURN(const Source index, ReadFile(folder + "/index.json"));
  ReadBlob read = [folder](const std::string& digest,
                           size_t max_bytes) -> absl::StatusOr<std::string> {
    const std::string hex = digest.substr(digest.find(':') + 1);
    DEPS_ASSIGN_OR_RETURN(Source blob, ReadFile(folder + "/blobs/sha256/" + hex, max_bytes));
    const std::string found = Sha256Digest(blob.text);
    if (found != digest) {
      return MakeError({.id = DiagnosticId::kDigestMismatch,
                        .message = absl::StrCat("the content is ", found),
                        .location = {.file = blob.name}});
    }
    return std::move(blob.text);
  };
  std::unique_ptr<LayoutShelf> shelf(new LayoutShelf(folder, std::move(read)));
  DEPS_RETURN_IF_ERROR(shelf->AddEntries(index));
  return shelf;
}

absl::StatusOr<std::unique_ptr<LayoutShelf>> LayoutShelf::OfArchive(OpenedArchive archive,
                                                                    const std::string& name) {
  const Source index = {.name = name + ":artifacts/layout/index.json",
                        .text = std::move(archive.content.index_json)};
  const auto opened = std::make_shared<const OpenedArchive>(std::move(archive));
  ReadBlob read = [opened, name](const std::string& digest,
                                 size_t max_bytes) -> absl::StatusOr<std::string> {
    const auto blob = opened->content.blobs.find(digest);
    if (blob == opened->content.blobs.end()) {
      return MakeError({.id = DiagnosticId::kArchiveInvalid,
                        .message = absl::StrCat("the blob ", digest, " is missing"),
                        .location = {.file = name}});
    }
    return ReadArchivedBlob(blob->second, max_bytes);
  };
  std::unique_ptr<LayoutShelf> shelf(new LayoutShelf(name, std::move(read)));
  DEPS_RETURN_IF_ERROR(shelf->AddEntries(index));
  DEPS_RETURN_IF_ERROR(shelf->AddDocuments(opened->content));
  return shelf;
}

absl::Status LayoutShelf::AddEntries(const Source& index) {
  DEPS_ASSIGN_OR_RETURN(ManifestContent content, ParseManifest(index, kOciIndex));
  for (Descriptor& descriptor : content.manifests) {
    const std::string name = AnnotationOf(descriptor, kRefName);
    const bool is_bundle = !AnnotationOf(descriptor, kFolder).empty();
    const size_t at = entries_.size();
    digests_.emplace(descriptor.digest, at);
    if (const std::optional<Reference> reference = WholeReference(name)) {
      AddName(*reference, is_bundle, at);
    }
    const Source others = {.name = index.name, .text = AnnotationOf(descriptor, kReferences)};
    if (!others.text.empty()) {
      DEPS_ASSIGN_OR_RETURN(const json::Value list, json::Parse(others));
      for (const json::Value& item : list.items) {
        const std::optional<Reference> reference = WholeReference(item.text);
        if (reference) AddName(*reference, is_bundle, at);
      }
    }
    entries_.push_back({.descriptor = std::move(descriptor), .name = name});
  }
  return absl::OkStatus();
}

void LayoutShelf::AddName(const Reference& reference, bool is_bundle, size_t entry) {
  // A bundle that was relocated, or is of one platform, is found by the digest
  // that it has at its source.
  if (!reference.digest().empty()) digests_.emplace(reference.digest(), entry);
  const bool has_tag = !reference.tag().empty();
  if (has_tag || is_bundle) tags_.try_emplace(reference.Repository());
  if (!has_tag) return;
  tags_[reference.Repository()].push_back(reference.tag());
  names_.emplace(absl::StrCat(reference.Repository(), ":", reference.tag()), entry);
}

absl::Status LayoutShelf::AddDocuments(const BundleArchive& archive) {
  std::set<std::string> folders;
  for (const Entry& entry : entries_) folders.insert(AnnotationOf(entry.descriptor, kFolder));
  for (const auto& [folder, bundle] : archive.dependencies) {
    if (folders.find(folder) != folders.end() || bundle.mapping_json.empty()) continue;
    const std::string place = absl::StrCat(name_, "/dependencies/", folder, "/");
    Source document = {.name = place + "bundle.json", .text = bundle.bundle_json};
    DEPS_ASSIGN_OR_RETURN(const json::Value value, json::Parse(document));
    DEPS_ASSIGN_OR_RETURN(
        const RelocationMapping mapping,
        ParseMapping({.name = place + "relocation-mapping.json", .text = bundle.mapping_json}));
    DEPS_ASSIGN_OR_RETURN(std::vector<BundleImage> images, ImagesOf(document, value));
    std::optional<Reference> repository;
    for (BundleImage& image : images) {
      const auto mapped = mapping.find(image.reference);
      if (mapped == mapping.end()) continue;
      DEPS_ASSIGN_OR_RETURN(repository, Reference::Parse(mapped->second));
      image.digest = repository->digest();
      const auto blob = archive.blobs.find(image.digest);
      if (blob != archive.blobs.end()) image.size = blob->second.size;
    }
    if (!repository) continue;
    DEPS_ASSIGN_OR_RETURN(const EncodedBundle encoded, EncodeBundle(value, images));
    const json::Value* version = value.Find("version");
    const std::string tag =
        version != nullptr && version->IsString() ? absl::StrCat("v", version->text) : "";
    const Reference whole = repository->WithDigest(encoded.index_digest);
    AddName(whole, /*is_bundle=*/true, entries_.size());
    if (IsValidTag(tag)) AddName(repository->WithTag(tag), /*is_bundle=*/true, entries_.size());
    entries_.push_back(
        {.descriptor = {.media_type = std::string(kOciIndex), .digest = encoded.index_digest},
         .name = whole.Full(),
         .document = std::move(document)});
  }
  return absl::OkStatus();
}

bool LayoutShelf::Holds(const Reference& reference) const {
  return tags_.find(reference.Repository()) != tags_.end();
}

const LayoutShelf::Entry* LayoutShelf::Find(const Reference& reference) const {
  if (!reference.digest().empty()) {
    const auto found = digests_.find(reference.digest());
    return found == digests_.end() ? nullptr : &entries_[found->second];
  }
  const std::string tag = reference.tag().empty() ? "latest" : reference.tag();
  const auto found = names_.find(absl::StrCat(reference.Repository(), ":", tag));
  return found == names_.end() ? nullptr : &entries_[found->second];
}

bool LayoutShelf::Has(const Reference& reference) const { return Find(reference) != nullptr; }

absl::StatusOr<OciManifest> LayoutShelf::ReadManifest(const Descriptor& descriptor) const {
  if (!absl::StartsWith(descriptor.digest, "sha256:")) {
    return MakeError(
        {.id = DiagnosticId::kDigestInvalid,
         .message = absl::StrCat("only sha256 is known here, not ", descriptor.digest)});
  }
  DEPS_ASSIGN_OR_RETURN(std::string bytes, read_(descriptor.digest, kMaxManifestBytes));
  Source source = {.name = descriptor.digest, .text = std::move(bytes)};
  std::string type = descriptor.media_type.empty() ? TypeOf(source) : descriptor.media_type;
  return OciManifest{
      .bytes = std::move(source.text), .media_type = std::move(type), .digest = descriptor.digest};
}

absl::StatusOr<BundleDefinition> LayoutShelf::Read(const Entry& entry) const {
  const std::optional<Reference> named = WholeReference(entry.name);
  if (!entry.document.text.empty()) {
    DEPS_ASSIGN_OR_RETURN(BundleDefinition definition, ReadBundleJson(entry.document));
    definition.bundle.digest = entry.descriptor.digest;
    return definition;
  }
  Reference reference = named ? *named : *Reference::Parse(kNoRepository);
  reference = reference.WithDigest(entry.descriptor.digest);
  const PartReader read = {.manifest = [&](const Reference& part) -> absl::StatusOr<OciManifest> {
                             if (part.digest() == entry.descriptor.digest)
                               return ReadManifest(entry.descriptor);
                             return ReadManifest({.digest = part.digest()});
                           },
                           .blob = [&](const Reference&, const std::string& digest,
                                       size_t max_bytes) { return read_(digest, max_bytes); }};
  absl::StatusOr<FetchedBundle> fetched = FetchBundle(read, reference);
  if (!fetched.ok()) return WithFile(fetched.status(), name_);
  const std::string folder = AnnotationOf(entry.descriptor, kFolder);
  const std::string place = folder.empty() || folder == "." ? "" : "dependencies/" + folder + "/";
  DEPS_ASSIGN_OR_RETURN(BundleDefinition definition,
                        ReadBundleJson({.name = absl::StrCat(name_, "/", place, "bundle.json"),
                                        .text = std::move(fetched->bundle_json)}));
  definition.bundle.digest =
      named && !named->digest().empty() ? named->digest() : entry.descriptor.digest;
  if (named) definition.bundle.reference = named->Familiar();
  return definition;
}

absl::StatusOr<BundleDefinition> LayoutShelf::Get(const Reference& reference) const {
  const Entry* const entry = Find(reference);
  if (entry != nullptr) return Read(*entry);
  return MakeError(
      {.id = DiagnosticId::kRegistryNotFound,
       .message = absl::StrCat("the layout has bundles of '", reference.FamiliarRepository(),
                               "', but not '", reference.Familiar(), "'"),
       .location = {.file = name_}});
}

std::vector<std::string> LayoutShelf::Tags(const Reference& repository) const {
  const auto found = tags_.find(repository.Repository());
  if (found == tags_.end()) return {};
  std::vector<std::string> tags = found->second;
  std::sort(tags.begin(), tags.end());
  tags.erase(std::unique(tags.begin(), tags.end()), tags.end());
  return tags;
}

bool LayoutShelf::HasRoot() const {
  return std::any_of(entries_.begin(), entries_.end(), [](const Entry& entry) {
    return AnnotationOf(entry.descriptor, kFolder) == ".";
  });
}

absl::StatusOr<BundleDefinition> LayoutShelf::Main(const std::string& tag) const {
  std::set<std::string> names;
  std::set<std::string> digests;
  const Entry* named = nullptr;
  const Entry* only = nullptr;
  for (const Entry& entry : entries_) {
    const std::optional<Reference> reference = WholeReference(entry.name);
    const bool is_called = entry.name == tag || (reference && reference->tag() == tag);
    if (tag.empty() ? AnnotationOf(entry.descriptor, kFolder) == "." : is_called) {
      return Read(entry);
    }
    if (!IsIndexType(entry.descriptor.media_type)) continue;
    const std::string own = reference ? reference->tag() : entry.name;
    if (own == "latest" && named == nullptr) named = &entry;
    if (!own.empty()) names.insert(own);
    if (digests.insert(entry.descriptor.digest).second) only = &entry;
  }
  if (tag.empty() && digests.size() == 1) return Read(*only);
  if (tag.empty() && named != nullptr) return Read(*named);
  const std::string there = names.empty() ? "" : absl::StrCat(": ", absl::StrJoin(names, ", "));
  return MakeError(
      {.id = DiagnosticId::kRegistryNotFound,
       .message = !tag.empty()      ? absl::StrCat("the layout has no bundle '", tag, "'", there)
                  : digests.empty() ? "the layout has no bundle"
                                    : absl::StrCat("the layout has several bundles", there),
       .location = {.file = name_},
       .hint = tag.empty() && !names.empty() ? "name one as oci:FOLDER:TAG" : ""});
}

}  // namespace deps
