#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "lib/archive/archived_blob.h"
#include "lib/base/status_macros.h"
#include "lib/diag/diagnostic.h"
#include "lib/diag/source.h"
#include "lib/digest/sha256.h"
#include "lib/io/file.h"
#include "lib/json/json.h"
#include "lib/model/relocation.h"
#include "lib/oci/bundle_format.h"
#include "lib/oci/reference.h"
#include "lib/relocate/annotations.h"
#include "lib/relocate/closure.h"
#include "lib/relocate/layout.h"
#include "lib/relocate/plan.h"
#include "lib/relocate/requirements.h"

namespace deps {
namespace {

constexpr int kMaxDepth = 64;

std::string DigestOf(std::string_view reference) {
  const size_t at = reference.rfind('@');
  return at == std::string_view::npos ? "" : std::string(reference.substr(at + 1));
}

std::string TextOf(const json::Value& object, std::string_view key) {
  const json::Value* const value = object.Find(key);
  return value != nullptr && value->IsString() ? value->text : std::string();
}

// Layouts spell references with "docker.io/library/", people do not.
bool IsSameReference(const std::string& a, const std::string& b) {
  if (a == b) return true;
  const absl::StatusOr<Reference> left = Reference::Parse(a);
  const absl::StatusOr<Reference> right = Reference::Parse(b);
  return left.ok() && right.ok() && *left == *right;
}

class Builder {
 public:
  Builder(OpenedArchive archive, const std::string& name, bool check)
      : archive_(std::move(archive)), name_(name), check_(check) {}

  absl::StatusOr<Family> Build();

 private:
  absl::Status Invalid(std::string message, std::string hint = "") const {
    return MakeError({.id = DiagnosticId::kArchiveInvalid,
                      .message = std::move(message),
                      .location = {.file = name_},
                      .hint = std::move(hint)});
  }
  // In a check a difference, else an error.
  absl::Status Tell(const char* kind, std::string subject, std::string message,
                    std::string hint = "");
  void TellDamaged();
  absl::Status ReadIndex();
  absl::Status AddMember(const std::string& folder, const ArchivedBundle& bundle);
  absl::Status ReadEntry(const Descriptor& entry, const Source& bundle_json, FamilyMember* member);
  absl::Status ReadConfig(const Descriptor& config, const Source& bundle_json,
                          FamilyMember* member);
  absl::Status ReadNames(const Descriptor& entry, FamilyMember* member);
  absl::Status MakeIndex(const json::Value& bundle, FamilyMember* member);
  // `made`: the archive has no index of the bundle.
  absl::Status FillImages(bool made, FamilyMember* member);
  absl::StatusOr<std::string> FindByName(const std::string& name) const;
  absl::StatusOr<std::string> ReadBlob(const std::string& digest, std::string_view what) const;
  absl::Status ConnectByReference(FamilyMember* member);
  const FamilyMember* FindByReference(const WrittenRequirement& requirement) const;
  absl::Status ReadAttachments();
  std::string PathToHere() const;
  absl::Status Order(const std::string& digest, int depth);

  OpenedArchive archive_;
  const std::string& name_;
  const bool check_;
  ManifestContent layout_;
  std::map<std::string, Descriptor> bundle_entries_;  // By folder.
  std::map<std::string, FamilyMember> members_;       // By digest at the source.
  std::set<std::string> by_annotation_;               // Digests whose requirements are known.
  std::map<std::string, json::Value> parsed_;         // bundle.json by the same,
  std::map<std::string, std::string> names_;          // and where it is.
  std::string root_;
  std::set<std::string> ordered_;
  std::vector<std::string> open_;  // Of the path from the root.
  Family family_;
};

absl::Status Builder::Tell(const char* kind, std::string subject, std::string message,
                           std::string hint) {
  if (!check_) return Invalid(std::move(message), std::move(hint));
  family_.differences.push_back(
      {.kind = kind, .subject = std::move(subject), .message = std::move(message)});
  return absl::OkStatus();
}

void Builder::TellDamaged() {
  for (const auto& [digest, found] : archive_.damaged) {
    family_.differences.push_back({.kind = "different",
                                   .subject = digest,
                                   .message = absl::StrCat("blob ", digest, " holds ", found)});
  }
}

absl::Status Builder::ReadIndex() {
  const Source source = {.name = name_ + ":artifacts/layout/index.json",
                         .text = archive_.content.index_json};
  DEPS_ASSIGN_OR_RETURN(layout_, ParseManifest(source, kOciIndex));
  for (const Descriptor& entry : layout_.manifests) {
    const auto folder = entry.annotations.find(std::string(kFolder));
    if (folder == entry.annotations.end()) continue;
    if (!bundle_entries_.emplace(folder->second, entry).second) {
      return Invalid(absl::StrCat("two entries of the layout are for folder ", folder->second));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> Builder::ReadBlob(const std::string& digest,
                                              std::string_view what) const {
  const auto blob = archive_.content.blobs.find(digest);
  if (blob == archive_.content.blobs.end()) {
    return Invalid(absl::StrCat(what, " ", digest, " is missing"));
  }
  return ReadArchivedBlob(blob->second, kMaxManifestBytes);
}

// The digest of the entry that has the name; "" where none has it.
absl::StatusOr<std::string> Builder::FindByName(const std::string& name) const {
  std::string digest;
  for (const Descriptor& entry : layout_.manifests) {
    const auto ref_name = entry.annotations.find(std::string(kRefName));
    if (ref_name == entry.annotations.end() || !IsSameReference(ref_name->second, name)) continue;
    // The same one is often there several times.
    if (!digest.empty() && digest != entry.digest) {
      return Invalid(absl::StrCat("two entries of the layout are named ", name, ": ", digest,
                                  " and ", entry.digest));
    }
    digest = entry.digest;
  }
  return digest;
}

// Size and media type as the layout has them, where bundle.json is silent.
absl::Status Builder::FillImages(bool made, FamilyMember* member) {
  for (BundleImage& image : member->images) {
    const auto mapped = member->mapping.find(image.reference);
    const std::string digest = mapped == member->mapping.end() ? "" : DigestOf(mapped->second);
    if (made && !digest.empty() && !image.digest.empty() && image.digest != digest) {
      return Invalid(absl::StrCat("image ", image.reference, " of bundle ", member->name, " is ",
                                  digest, " by its mapping, but ", image.digest,
                                  " by bundle.json"));
    }
    if (!digest.empty()) image.digest = digest;
    const std::string place = mapped == member->mapping.end() ? image.reference : mapped->second;
    if (image.digest.empty()) {
      DEPS_ASSIGN_OR_RETURN(image.digest, FindByName(place));
    }
    for (const Descriptor& entry : layout_.manifests) {
      if (entry.digest != image.digest) continue;
      if (image.size == 0) image.size = entry.size;
      // What imageType says is a guess.
      if (made && IsManifestType(entry.media_type)) image.media_type = entry.media_type;
      if (image.media_type.empty()) image.media_type = entry.media_type;
    }
    const auto blob = archive_.content.blobs.find(image.digest);
    if (image.digest.empty() || blob == archive_.content.blobs.end()) {
      const std::string what =
          absl::StrCat("image ", image.reference, " of bundle ", member->name, " is missing");
      DEPS_RETURN_IF_ERROR(
          Tell("missing", image.digest.empty() ? image.reference : image.digest, what));
      continue;
    }
    if (image.size == 0) image.size = blob->second.size;
    if (image.size != blob->second.size) {
      DEPS_RETURN_IF_ERROR(
          Tell("different", image.digest,
               absl::StrCat("image ", image.reference, " of bundle ", member->name, " has ",
                            blob->second.size, " bytes, not ", image.size)));
    }
  }
  return absl::OkStatus();
}

// The bundle's index as the archive has it.
absl::Status Builder::ReadEntry(const Descriptor& entry, const Source& bundle_json,
                                FamilyMember* member) {
  member->index.digest = entry.digest;
  member->index.media_type = entry.media_type;
  DEPS_RETURN_IF_ERROR(ReadNames(entry, member));
  if (archive_.content.blobs.count(entry.digest) == 0) {
    member->incomplete = true;
    return Tell(
        "missing", entry.digest,
        absl::StrCat("the index ", entry.digest, " of bundle ", member->name, " is missing"));
  }
  DEPS_ASSIGN_OR_RETURN(member->index.bytes, ReadBlob(entry.digest, "the index"));
  const Source index = {.name = absl::StrCat(name_, ":", entry.digest),
                        .text = member->index.bytes};
  DEPS_ASSIGN_OR_RETURN(const ManifestContent content, ParseManifest(index, entry.media_type));
  if (content.manifests.empty()) return Invalid("the index of a bundle is empty");
  for (const Descriptor& descriptor : content.manifests) {
    for (BundleImage& image : member->images) {
      const auto mapped = member->mapping.find(image.reference);
      if (mapped == member->mapping.end() || DigestOf(mapped->second) != descriptor.digest)
        continue;
      image.digest = descriptor.digest;
      image.size = descriptor.size;
      image.media_type = descriptor.media_type;
    }
  }
  return ReadConfig(content.manifests.front(), bundle_json, member);
}

absl::Status Builder::ReadConfig(const Descriptor& config, const Source& bundle_json,
                                 FamilyMember* member) {
  member->config_manifest.digest = config.digest;
  member->config_manifest.media_type = config.media_type;
  if (archive_.content.blobs.count(config.digest) == 0) {
    member->incomplete = true;
    return Tell(
        "missing", config.digest,
        absl::StrCat("the manifest ", config.digest, " of bundle ", member->name, " is missing"));
  }
  DEPS_ASSIGN_OR_RETURN(member->config_manifest.bytes, ReadBlob(config.digest, "the manifest"));
  const Source manifest = {.name = absl::StrCat(name_, ":", config.digest),
                           .text = member->config_manifest.bytes};
  DEPS_ASSIGN_OR_RETURN(const ManifestContent inner, ParseManifest(manifest, config.media_type));
  const std::string found = Sha256Digest(bundle_json.text);
  if (!inner.blobs.empty() && inner.blobs.front().digest == found) return absl::OkStatus();
  member->incomplete = true;
  return Tell("different", found,
              absl::StrCat(bundle_json.name, " is not the one of ", member->index.digest));
}

// What the annotations of a bundle's entry tell.
absl::Status Builder::ReadNames(const Descriptor& entry, FamilyMember* member) {
  const std::string name = absl::StrCat(name_, ":", entry.digest);
  const auto ref_name = entry.annotations.find(std::string(kRefName));
  if (ref_name == entry.annotations.end()) return Invalid("the entry of a bundle has no name");
  DEPS_ASSIGN_OR_RETURN(const Reference reference, Reference::Parse(ref_name->second));
  member->repository = reference.FamiliarRepository();
  member->source_digest = reference.digest();
  if (const auto platform = entry.annotations.find(std::string(kPlatform));
      platform != entry.annotations.end()) {
    member->platform = platform->second;
  } else if (member->source_digest != entry.digest) {
    return Invalid(absl::StrCat("bundle ", entry.digest, " is named ", ref_name->second));
  }
  if (const auto tag = entry.annotations.find(std::string(kTag)); tag != entry.annotations.end()) {
    member->tag = tag->second;
  }
  if (const auto text = entry.annotations.find(std::string(kReferences));
      text != entry.annotations.end()) {
    DEPS_ASSIGN_OR_RETURN(const json::Value names,
                          json::Parse({.name = name, .text = text->second}));
    for (const json::Value& item : names.items) member->references.push_back(item.text);
  }
  if (const auto text = entry.annotations.find(std::string(kRequires));
      text != entry.annotations.end()) {
    DEPS_ASSIGN_OR_RETURN(member->requirements, ParseMapping({.name = name, .text = text->second}));
    by_annotation_.insert(member->source_digest);
  }
  return absl::OkStatus();
}

// Porter's archives hold no index: it follows from bundle.json.
absl::Status Builder::MakeIndex(const json::Value& bundle, FamilyMember* member) {
  for (const auto& [image, location] : member->mapping) {
    const absl::StatusOr<Reference> reference = Reference::Parse(location);
    if (reference.ok()) member->repository = reference->FamiliarRepository();
  }
  if (member->repository.empty()) member->repository = member->name;
  absl::StatusOr<EncodedBundle> made = EncodeBundle(bundle, member->images);
  if (!made.ok() && check_ && !family_.differences.empty()) {
    // An image is missing; its size was known from it alone.
    member->source_digest = Sha256Digest(member->bundle_json);
    member->incomplete = true;
    return absl::OkStatus();
  }
  DEPS_ASSIGN_OR_RETURN(EncodedBundle encoded, std::move(made));
  if (encoded.config != member->bundle_json) {
    // cnab-go keeps it as it was written.
    family_.notes.push_back(
        absl::StrCat("the bundle.json of ", member->name, " is taken in its canonical form"));
    member->bundle_json = encoded.config;
  }
  member->index = {.bytes = std::move(encoded.index),
                   .media_type = std::string(kOciIndex),
                   .digest = std::move(encoded.index_digest)};
  member->config_manifest = {.bytes = std::move(encoded.config_manifest),
                             .media_type = std::string(kOciManifest),
                             .digest = std::move(encoded.config_manifest_digest)};
  member->source_digest = member->index.digest;
  return absl::OkStatus();
}

absl::Status Builder::AddMember(const std::string& folder, const ArchivedBundle& bundle) {
  const std::string prefix =
      folder == "." ? name_ + ":" : absl::StrCat(name_, ":dependencies/", folder, "/");
  const Source source = {.name = prefix + "bundle.json", .text = bundle.bundle_json};
  DEPS_ASSIGN_OR_RETURN(json::Value value, json::Parse(source));
  FamilyMember member = {.name = TextOf(value, "name"),
                         .version = TextOf(value, "version"),
                         .bundle_json = bundle.bundle_json};
  DEPS_ASSIGN_OR_RETURN(member.images, ImagesOf(source, value));
  if (!bundle.mapping_json.empty()) {
    DEPS_ASSIGN_OR_RETURN(member.mapping, ParseMapping({.name = prefix + "relocation-mapping.json",
                                                        .text = bundle.mapping_json}));
  }
  const auto entry = bundle_entries_.find(folder);
  if (entry != bundle_entries_.end()) {
    DEPS_RETURN_IF_ERROR(ReadEntry(entry->second, source, &member));
  }
  DEPS_RETURN_IF_ERROR(FillImages(entry == bundle_entries_.end(), &member));
  if (entry == bundle_entries_.end()) DEPS_RETURN_IF_ERROR(MakeIndex(value, &member));
  const std::string digest = member.source_digest;
  if (folder == ".") root_ = digest;
  parsed_.emplace(digest, std::move(value));
  names_.emplace(digest, source.name);
  members_.emplace(digest, std::move(member));
  return absl::OkStatus();
}

const FamilyMember* Builder::FindByReference(const WrittenRequirement& requirement) const {
  const absl::StatusOr<Reference> reference = Reference::Parse(requirement.reference);
  if (!reference.ok()) return nullptr;
  if (!reference->digest().empty()) {
    const auto found = members_.find(reference->digest());
    return found == members_.end() ? nullptr : &found->second;
  }
  for (const auto& [digest, member] : members_) {
    if (digest == root_ || member.repository != reference->FamiliarRepository()) continue;
    if (reference->tag().empty() || reference->tag() == TagOfVersion(member.version) ||
        absl::StrCat("v", reference->tag()) == TagOfVersion(member.version)) {
      return &member;
    }
  }
  return nullptr;
}

// For archives without our annotations.
absl::Status Builder::ConnectByReference(FamilyMember* member) {
  const std::string& digest = member->source_digest;
  if (by_annotation_.count(digest) > 0) return absl::OkStatus();
  const Source source = {.name = names_.at(digest), .text = member->bundle_json};
  DEPS_ASSIGN_OR_RETURN(const std::vector<WrittenRequirement> requirements,
                        WrittenRequirementsOf(source, parsed_.at(digest)));
  std::vector<std::string> missing;
  for (const WrittenRequirement& requirement : requirements) {
    const absl::StatusOr<Reference> reference = Reference::Parse(requirement.reference);
    if (!reference.ok() && !requirement.reference.empty() && !check_) {
      return WithFile(WithContext(reference.status(), absl::StrCat("dependency ", requirement.alias,
                                                                   " of ", member->name)),
                      source.name);
    }
    const FamilyMember* const found = FindByReference(requirement);
    if (found == nullptr) {
      missing.push_back(requirement.reference.empty() ? requirement.alias : requirement.reference);
      continue;
    }
    member->requirements.emplace(requirement.alias, found->Source());
    FamilyMember& target = members_.at(found->source_digest);
    if (target.tag.empty() && reference.ok()) target.tag = reference->tag();
    target.references.push_back(requirement.reference);
  }
  if (missing.empty()) return absl::OkStatus();
  member->incomplete = true;
  return Tell("missing", absl::StrJoin(missing, ", "),
              absl::StrCat("the archive lacks what bundle ", member->name,
                           " requires: ", absl::StrJoin(missing, ", ")),
              "oci-relocate pack puts all dependencies into an archive");
}

// Entries of signatures and the like; what they are about is a member or its image.
absl::Status Builder::ReadAttachments() {
  for (const Descriptor& entry : layout_.manifests) {
    const auto value = [&](std::string_view key) {
      const auto found = entry.annotations.find(std::string(key));
      return found == entry.annotations.end() ? std::string() : found->second;
    };
    const auto member = members_.find(DigestOf(value(kAttachedTo)));
    if (member == members_.end()) continue;
    Attachment attachment = {
        .subject = value(kSubject), .tag = value(kTag), .artifact_type = value(kArtifactType)};
    if (!IsValidDigest(attachment.subject) || !IsManifestType(entry.media_type) ||
        (!attachment.tag.empty() && !IsValidTag(attachment.tag))) {
      return Invalid(absl::StrCat("the entry of ", entry.digest, " in the layout is malformed"));
    }
    if (archive_.content.blobs.count(entry.digest) == 0) {
      DEPS_RETURN_IF_ERROR(Tell("missing", entry.digest,
                                absl::StrCat("manifest ", entry.digest, ", attached to ",
                                             attachment.subject, ", is missing")));
      continue;
    }
    attachment.manifest = {.media_type = entry.media_type, .digest = entry.digest};
    DEPS_ASSIGN_OR_RETURN(attachment.manifest.bytes, ReadBlob(entry.digest, "the manifest"));
    member->second.attachments.push_back(std::move(attachment));
  }
  return absl::OkStatus();
}

// The bundles of open_ by name.
std::string Builder::PathToHere() const {
  return absl::StrJoin(open_, " -> ", [this](std::string* out, const std::string& digest) {
    const FamilyMember& member = members_.at(digest);
    absl::StrAppend(out, member.name, " ", member.version);
  });
}

// Recursion is bounded by kMaxDepth.
absl::Status Builder::Order(const std::string& digest, int depth) {
  if (ordered_.count(digest) > 0) return absl::OkStatus();
  if (depth > kMaxDepth) {
    return Invalid(absl::StrCat("bundles require each other more than ", kMaxDepth, " deep"));
  }
  const bool circle = std::find(open_.begin(), open_.end(), digest) != open_.end();
  open_.push_back(digest);
  if (circle) {
    return Invalid(absl::StrCat("bundles require each other in a circle: ", PathToHere()));
  }
  FamilyMember& member = members_.at(digest);
  for (const auto& [alias, source] : member.requirements) {
    const std::string required = DigestOf(source);
    if (members_.count(required) == 0) {
      member.incomplete = true;
      DEPS_RETURN_IF_ERROR(Tell("missing", source,
                                absl::StrCat("bundle ", source, " is missing, which ", member.name,
                                             " requires as ", alias)));
      continue;
    }
    DEPS_RETURN_IF_ERROR(Order(required, depth + 1));
  }
  std::sort(member.references.begin(), member.references.end());
  member.references.erase(std::unique(member.references.begin(), member.references.end()),
                          member.references.end());
  open_.pop_back();
  ordered_.insert(digest);
  family_.members.push_back(member);
  return absl::OkStatus();
}

absl::StatusOr<Family> Builder::Build() {
  TellDamaged();
  DEPS_RETURN_IF_ERROR(ReadIndex());
  DEPS_RETURN_IF_ERROR(AddMember(".", archive_.content.root));
  for (const auto& [folder, bundle] : archive_.content.dependencies) {
    DEPS_RETURN_IF_ERROR(AddMember(folder, bundle));
  }
  for (auto& [digest, member] : members_) DEPS_RETURN_IF_ERROR(ConnectByReference(&member));
  DEPS_RETURN_IF_ERROR(ReadAttachments());
  DEPS_RETURN_IF_ERROR(Order(root_, 1));
  family_.blobs = std::move(archive_.content.blobs);
  family_.folder = std::move(archive_.folder);
  return std::move(family_);
}

}  // namespace

absl::StatusOr<Family> FamilyOf(OpenedArchive archive, const std::string& name) {
  return Builder(std::move(archive), name, /*check=*/false).Build();
}

absl::StatusOr<Family> FamilyToCheck(OpenedArchive archive, const std::string& name) {
  return Builder(std::move(archive), name, /*check=*/true).Build();
}

}  // namespace deps
