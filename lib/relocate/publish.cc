#include "lib/relocate/publish.h"

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <numeric>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "lib/archive/archived_blob.h"
#include "lib/base/parallel.h"
#include "lib/base/priority.h"
#include "lib/base/status_macros.h"
#include "lib/diag/diagnostic.h"
#include "lib/digest/sha256.h"
#include "lib/http/http.h"
#include "lib/oci/blob_pipe.h"
#include "lib/relocate/closure.h"
#include "lib/relocate/porter_tag.h"
#include "lib/relocate/verify.h"

namespace deps {
namespace {

constexpr std::string_view kEmptyConfig = "{}";
constexpr std::string_view kMappingType = "application/vnd.cnab.relocation-mapping.v1+json";

// Opened only where it is to be sent.
http::Slice SliceOf(const BlobFile& file) {
  const auto blob = std::make_shared<std::unique_ptr<ArchivedBlob>>();
  return {
      .read = [&file, blob](int64_t offset, char* buffer, size_t size) -> absl::StatusOr<size_t> {
        if (*blob == nullptr) {
          DEPS_ASSIGN_OR_RETURN(*blob, ArchivedBlob::Open(file));
        }
        return (*blob)->Read(offset, buffer, size);
      },
      .size = file.size};
}

class Publisher {
 public:
  Publisher(const Family& family, const RelocationPlan& plan, Registry& registry,
            const PublishOptions& options)
      : family_(family), plan_(plan), registry_(registry), options_(options) {}

  absl::StatusOr<Relocation> Run();

 private:
  absl::Status LookAtTargets();
  absl::Status TellSizes();
  absl::Status VerifyArchive();
  absl::Status PutManifest(const Reference& target, std::string_view media_type,
                           std::string_view bytes);
  absl::Status PublishBundle(size_t i);
  absl::StatusOr<std::string> PublishImage(const Reference& repository, const BundleImage& image);
  absl::StatusOr<BlobAction> PutBlob(const Reference& repository, const std::string& digest,
                                     const std::optional<std::string>& from);
  absl::Status PutAttachments(size_t i);
  absl::Status PutAttachment(const Reference& repository, const FamilyMember& member,
                             const Attachment& attachment);
  absl::Status AttachMapping();
  absl::Status PutPorterTag(const Reference& repository, const BundleImage& image);
  absl::Status PutBlobs(const Reference& repository, const std::vector<Descriptor>& blobs,
                        std::string* action);
  void CountToSend(const Reference& repository, const std::vector<Descriptor>& blobs);
  absl::Status PutIndex(const PlannedBundle& bundle);
  void Report(const BundleImage& image, const Reference& repository, std::string action);

  const Family& family_;
  const RelocationPlan& plan_;
  Registry& registry_;
  const PublishOptions& options_;
  std::vector<std::string> present_;            // Digest at the target's tag; "" where none is.
  std::map<std::string, std::string> mounts_;   // Blob -> path of a repository that has it.
  std::map<std::string, std::string> handled_;  // REPOSITORY@DIGEST of an image -> action.
  bool is_verified_ = false;                    // The archive, as a whole.
  Relocation relocation_;
};

absl::Status Publisher::LookAtTargets() {
  present_.resize(plan_.bundles.size());
  std::vector<std::function<absl::Status()>> steps;
  for (size_t i = 0; i < plan_.bundles.size(); ++i) {
    steps.push_back([this, i]() -> absl::Status {
      DEPS_ASSIGN_OR_RETURN(const std::optional<Descriptor> found,
                            registry_.HeadManifest(plan_.bundles[i].target));
      if (!found.has_value()) return absl::OkStatus();
      present_[i] = found->digest;
      if (found->digest != plan_.bundles[i].index.digest) return absl::OkStatus();
      // Registries drop manifests that have no tag.
      DEPS_ASSIGN_OR_RETURN(const std::optional<Descriptor> config,
                            registry_.HeadManifest(plan_.bundles[i].target.WithDigest(
                                plan_.bundles[i].config_manifest.digest)));
      if (!config.has_value()) present_[i].clear();
      return absl::OkStatus();
    });
  }
  DEPS_RETURN_IF_ERROR(RunSteps(steps, options_.jobs));
  if (options_.force) return absl::OkStatus();
  std::vector<Diagnostic> exist;
  for (size_t i = 0; i < plan_.bundles.size(); ++i) {
    const PlannedBundle& bundle = plan_.bundles[i];
    if (present_[i].empty() || present_[i] == bundle.index.digest) continue;
    exist.push_back({.id = DiagnosticId::kRelocateExists,
                     .message = absl::StrCat(bundle.target.Familiar(), " is ", present_[i],
                                             ", not ", bundle.index.digest, " of ", bundle.source),
                     .hint = "--force replaces it"});
  }
  return exist.empty() ? absl::OkStatus() : MakeErrors(std::move(exist));
}

absl::Status Publisher::VerifyArchive() {
  const int64_t unread = BytesUnread(family_.blobs);
  constexpr char kName[] = "verifying the archive";
  Watcher& watcher = *options_.watcher;
  if (unread > 0) {
    watcher.Expect(unread);
    watcher.Begin(kName, unread);
  }
  const absl::Cleanup end = [&] {
    if (unread > 0) watcher.End(kName);
  };
  return VerifyUnread(family_.blobs, options_.stop,
                      [&](int64_t bytes) { watcher.Advance(kName, bytes); });
}

absl::Status Publisher::PutManifest(const Reference& target, std::string_view media_type,
                                    std::string_view bytes) {
  if (!is_verified_) DEPS_RETURN_IF_ERROR(VerifyArchive());
  is_verified_ = true;
  return registry_.PutManifest(target, media_type, bytes);
}

absl::StatusOr<BlobAction> Publisher::PutBlob(const Reference& repository,
                                              const std::string& digest,
                                              const std::optional<std::string>& from) {
  const BlobFile& file = family_.blobs.at(digest);
  const std::string name = absl::StrCat(repository.FamiliarRepository(), "@", digest);
  Watcher& watcher = *options_.watcher;
  watcher.Begin(name, file.size);
  const absl::Cleanup end = [&] { watcher.End(name); };
  int64_t sent = 0;
  const auto on_sent = [&](int64_t bytes) {
    sent += bytes;
    watcher.Advance(name, bytes);
  };
  const auto remote = family_.remote.find(digest);
  absl::StatusOr<BlobAction> action =
      remote == family_.remote.end()
          ? registry_.PutBlobFromSlice(repository, digest, SliceOf(file), from, on_sent)
          : registry_.PutBlobFromReader(
                repository, digest, file.size,
                BlobInRegistry(registry_, remote->second, digest, file.size), from, on_sent);
  if (sent == 0) watcher.Skip(file.size);
  return action;
}

absl::Status Publisher::PutBlobs(const Reference& repository, const std::vector<Descriptor>& blobs,
                                 std::string* action) {
  std::vector<BlobAction> actions(blobs.size());
  std::vector<std::function<absl::Status()>> steps;
  // The largest first: none is left alone at the end.
  std::vector<size_t> order(blobs.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return blobs[a].size > blobs[b].size; });
  for (const size_t i : order) {
    const auto mount = mounts_.find(blobs[i].digest);
    const auto remote = family_.remote.find(blobs[i].digest);
    std::optional<std::string> from;
    if (mount != mounts_.end() && mount->second != repository.path()) {
      from = mount->second;
    } else if (remote != family_.remote.end() && remote->second.host() == repository.host()) {
      from = remote->second.path();
    }
    steps.push_back([this, &repository, &blobs, &actions, from, i]() -> absl::Status {
      DEPS_ASSIGN_OR_RETURN(actions[i], PutBlob(repository, blobs[i].digest, from));
      return absl::OkStatus();
    });
  }
  DEPS_RETURN_IF_ERROR(RunSteps(steps, options_.jobs));
  bool mounted = false;
  bool uploaded = false;
  for (size_t i = 0; i < blobs.size(); ++i) {
    mounts_.emplace(blobs[i].digest, repository.path());
    const bool sent = actions[i] == BlobAction::kUploaded;
    (sent ? relocation_.bytes_uploaded : relocation_.bytes_reused) += blobs[i].size;
    uploaded = uploaded || sent;
    mounted = mounted || actions[i] == BlobAction::kMounted;
  }
  *action = mounted && !uploaded ? "mounted" : "pushed";
  return absl::OkStatus();
}

absl::StatusOr<std::string> Publisher::PublishImage(const Reference& repository,
                                                    const BundleImage& image) {
  const Reference target = repository.WithDigest(image.digest);
  if (const auto handled = handled_.find(target.Full()); handled != handled_.end()) {
    return handled->second;
  }
  DEPS_ASSIGN_OR_RETURN(const ImageClosure closure,
                        ClosureOf(family_, image.digest, image.media_type));
  DEPS_ASSIGN_OR_RETURN(const std::optional<Descriptor> found, registry_.HeadManifest(target));
  std::string action = found.has_value() ? "unchanged" : "pushed";
  const int64_t uploaded = relocation_.bytes_uploaded;
  // Whoever forces it does not believe that an image has its blobs.
  if (found.has_value() && (options_.dry_run || !options_.force)) {
    for (const Descriptor& blob : closure.blobs) {
      relocation_.bytes_reused += blob.size;
      if (mounts_.emplace(blob.digest, repository.path()).second) {
        options_.watcher->Skip(blob.size);
      }
    }
  } else if (options_.dry_run) {
    CountToSend(repository, closure.blobs);
  } else {
    options_.watcher->Say(absl::StrCat("image ", image.reference, " to ", target.Familiar()));
    DEPS_RETURN_IF_ERROR(PutBlobs(repository, closure.blobs, &action));
    for (const OciManifest& manifest : closure.manifests) {
      DEPS_RETURN_IF_ERROR(
          PutManifest(repository.WithDigest(manifest.digest), manifest.media_type, manifest.bytes));
    }
    // A mount does not tell whether the blob was there.
    if (found.has_value() && relocation_.bytes_uploaded == uploaded) action = "unchanged";
  }
  handled_.emplace(target.Full(), action);
  return action;
}

// At most: a registry may have some of them, which a dry run does not ask.
void Publisher::CountToSend(const Reference& repository, const std::vector<Descriptor>& blobs) {
  for (const Descriptor& blob : blobs) {
    const bool sent = mounts_.emplace(blob.digest, repository.path()).second;
    (sent ? relocation_.bytes_uploaded : relocation_.bytes_reused) += blob.size;
  }
}

absl::Status Publisher::PutIndex(const PlannedBundle& bundle) {
  DEPS_ASSIGN_OR_RETURN(const BlobAction action,
                        registry_.PutBlob(bundle.target, bundle.config_digest, bundle.config));
  const int64_t size = static_cast<int64_t>(bundle.config.size());
  (action == BlobAction::kUploaded ? relocation_.bytes_uploaded : relocation_.bytes_reused) += size;
  DEPS_RETURN_IF_ERROR(PutManifest(bundle.target.WithDigest(bundle.config_manifest.digest),
                                   bundle.config_manifest.media_type,
                                   bundle.config_manifest.bytes));
  DEPS_RETURN_IF_ERROR(PutManifest(bundle.target, bundle.index.media_type, bundle.index.bytes));
  DEPS_ASSIGN_OR_RETURN(const std::optional<Descriptor> found,
                        registry_.HeadManifest(bundle.target));
  if (found.has_value() && found->digest == bundle.index.digest) return absl::OkStatus();
  return MakeError({.id = DiagnosticId::kRegistryProtocol,
                    .message = absl::StrCat(bundle.target.Familiar(), " was written as ",
                                            bundle.index.digest, ", but the registry has ",
                                            found.has_value() ? found->digest : "nothing")});
}

void Publisher::Report(const BundleImage& image, const Reference& repository, std::string action) {
  relocation_.images.push_back({.source = image.reference,
                                .target = repository.WithDigest(image.digest).Familiar(),
                                .digest = image.digest,
                                .action = std::move(action)});
}

absl::Status Publisher::PublishBundle(size_t i) {
  const PlannedBundle& bundle = plan_.bundles[i];
  const FamilyMember& member = family_.members[i];
  const bool unchanged = present_[i] == bundle.index.digest;
  for (const BundleImage& image : member.images) {
    // Also where the index is there: images have no tag either.
    DEPS_ASSIGN_OR_RETURN(std::string action, PublishImage(bundle.target, image));
    if (options_.porter_tags && !options_.dry_run) {
      DEPS_RETURN_IF_ERROR(PutPorterTag(bundle.target, image));
    }
    Report(image, bundle.target, std::move(action));
  }
  DEPS_RETURN_IF_ERROR(PutAttachments(i));
  if (unchanged && (options_.dry_run || !options_.force)) {
    relocation_.bytes_reused += static_cast<int64_t>(bundle.config.size());
  } else if (options_.dry_run) {
    relocation_.bytes_uploaded += static_cast<int64_t>(bundle.config.size());
  } else {
    options_.watcher->Say(absl::StrCat("bundle ", bundle.target.Familiar()));
    DEPS_RETURN_IF_ERROR(PutIndex(bundle));
  }
  relocation_.bundles.push_back({.source = bundle.source,
                                 .target = bundle.target.WithDigest(bundle.index.digest).Familiar(),
                                 .tag = bundle.target.Familiar(),
                                 .action = unchanged ? "unchanged" : "pushed"});
  return absl::OkStatus();
}

absl::Status Publisher::PutPorterTag(const Reference& repository, const BundleImage& image) {
  const Reference target = repository.WithTag(PorterTag(image.reference));
  DEPS_ASSIGN_OR_RETURN(const std::optional<Descriptor> found, registry_.HeadManifest(target));
  if (found.has_value() && found->digest == image.digest) return absl::OkStatus();
  DEPS_ASSIGN_OR_RETURN(const ImageClosure closure,
                        ClosureOf(family_, image.digest, image.media_type));
  const OciManifest& manifest = closure.manifests.back();
  return PutManifest(target, manifest.media_type, manifest.bytes);
}

absl::Status Publisher::PutAttachments(size_t i) {
  for (const Attachment& attachment : plan_.bundles[i].attachments) {
    DEPS_RETURN_IF_ERROR(PutAttachment(plan_.bundles[i].target, family_.members[i], attachment));
  }
  return absl::OkStatus();
}

// As registries list it that have a list of their own.
absl::StatusOr<Descriptor> ReferrerOf(const Attachment& attachment) {
  const OciManifest& manifest = attachment.manifest;
  DEPS_ASSIGN_OR_RETURN(
      ManifestContent content,
      ParseManifest({.name = manifest.digest, .text = manifest.bytes}, manifest.media_type));
  std::string type = content.artifact_type;
  if (type.empty()) type = attachment.artifact_type;
  if (type.empty() && !content.blobs.empty()) type = content.blobs.front().media_type;
  return Descriptor{.media_type = manifest.media_type,
                    .digest = manifest.digest,
                    .size = static_cast<int64_t>(manifest.bytes.size()),
                    .annotations = std::move(content.annotations),
                    .artifact_type = std::move(type)};
}

absl::Status Publisher::PutAttachment(const Reference& repository, const FamilyMember& member,
                                      const Attachment& attachment) {
  const OciManifest& manifest = attachment.manifest;
  const Reference target = attachment.tag.empty() ? repository.WithDigest(manifest.digest)
                                                  : repository.WithTag(attachment.tag);
  if (!handled_.emplace(target.Full(), "attached").second) return absl::OkStatus();
  DEPS_ASSIGN_OR_RETURN(const std::optional<Descriptor> found, registry_.HeadManifest(target));
  std::string action = "unchanged";
  if (!found.has_value() || found->digest != manifest.digest) {
    DEPS_ASSIGN_OR_RETURN(const ImageClosure closure,
                          ClosureOf(family_, manifest.digest, manifest.media_type));
    action = "pushed";
    if (options_.dry_run) {
      CountToSend(repository, closure.blobs);
    } else {
      DEPS_RETURN_IF_ERROR(PutBlobs(repository, closure.blobs, &action));
      for (const OciManifest& part : closure.manifests) {
        DEPS_RETURN_IF_ERROR(
            PutManifest(repository.WithDigest(part.digest), part.media_type, part.bytes));
      }
      if (!attachment.tag.empty()) {
        DEPS_RETURN_IF_ERROR(PutManifest(target, manifest.media_type, manifest.bytes));
      }
    }
  }
  if (attachment.tag.empty() && !options_.dry_run) {
    DEPS_ASSIGN_OR_RETURN(const Descriptor descriptor, ReferrerOf(attachment));
    DEPS_RETURN_IF_ERROR(
        registry_.AddReferrer(repository.WithDigest(attachment.subject), descriptor));
  }
  const std::string name = attachment.tag.empty() ? absl::StrCat("@", manifest.digest)
                                                  : absl::StrCat(":", attachment.tag);
  relocation_.images.push_back({.source = absl::StrCat(member.repository, name),
                                .target = repository.WithDigest(manifest.digest).Familiar(),
                                .digest = manifest.digest,
                                .action = std::move(action)});
  return absl::OkStatus();
}

// A manifest without config whose layer is the mapping and whose subject is the
// root's index, as OCI 1.1 has artifacts.
absl::Status Publisher::AttachMapping() {
  const PlannedBundle& root = plan_.bundles.back();
  const std::string mapping = FormatMapping(plan_.mapping);
  const std::string mapping_digest = Sha256Digest(mapping);
  const std::string empty_digest = Sha256Digest(kEmptyConfig);
  const std::string manifest = absl::StrCat(
      R"({"schemaVersion":2,"mediaType":")", kOciManifest, R"(","artifactType":")", kMappingType,
      R"(","config":{"mediaType":"application/vnd.oci.empty.v1+json","digest":")", empty_digest,
      R"(","size":2},"layers":[{"mediaType":")", kMappingType, R"(","digest":")", mapping_digest,
      R"(","size":)", mapping.size(), R"(}],"subject":{"mediaType":")", root.index.media_type,
      R"(","digest":")", root.index.digest, R"(","size":)", root.index.bytes.size(), "}}");
  const std::string digest = Sha256Digest(manifest);
  DEPS_RETURN_IF_ERROR(registry_.PutBlob(root.target, empty_digest, kEmptyConfig).status());
  DEPS_RETURN_IF_ERROR(registry_.PutBlob(root.target, mapping_digest, mapping).status());
  DEPS_RETURN_IF_ERROR(PutManifest(root.target.WithDigest(digest), kOciManifest, manifest));
  return registry_.AddReferrer(root.target.WithDigest(root.index.digest),
                               {.media_type = std::string(kOciManifest),
                                .digest = digest,
                                .size = static_cast<int64_t>(manifest.size()),
                                .artifact_type = std::string(kMappingType)});
}

absl::Status Publisher::TellSizes() {
  std::set<std::string> seen;
  for (size_t i = 0; i < plan_.bundles.size(); ++i) {
    for (const BundleImage& image : family_.members[i].images) {
      DEPS_ASSIGN_OR_RETURN(const ImageClosure closure,
                            ClosureOf(family_, image.digest, image.media_type));
      for (const Descriptor& blob : closure.blobs) {
        if (seen.insert(blob.digest).second) options_.watcher->Expect(blob.size);
      }
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<Relocation> Publisher::Run() {
  // What is missing shall be known before anything is written.
  DEPS_RETURN_IF_ERROR(CheckFamily(family_));
  DEPS_RETURN_IF_ERROR(LookAtTargets());
  if (!options_.dry_run) DEPS_RETURN_IF_ERROR(TellSizes());
  // It hashes all that comes in, and where it runs on this machine, on the same
  // processors as those who send: what they take from it, they wait for.
  if (http::IsLoopback(WithoutPort(plan_.bundles.back().target.host()))) GiveWay();
  for (size_t i = 0; i < plan_.bundles.size(); ++i) DEPS_RETURN_IF_ERROR(PublishBundle(i));
  if (options_.attach_mapping && !options_.dry_run) DEPS_RETURN_IF_ERROR(AttachMapping());
  if (!is_verified_) DEPS_RETURN_IF_ERROR(VerifyArchive());
  std::sort(relocation_.images.begin(), relocation_.images.end(),
            [](const RelocatedImage& a, const RelocatedImage& b) {
              return std::tie(a.source, a.target) < std::tie(b.source, b.target);
            });
  relocation_.mapping = plan_.mapping;
  return std::move(relocation_);
}

}  // namespace

absl::StatusOr<Relocation> Publish(const Family& family, const RelocationPlan& plan,
                                   Registry& registry, const PublishOptions& options) {
  return Publisher(family, plan, registry, options).Run();
}

}  // namespace deps
