#include "lib/relocate/publish.h"

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "lib/base/status_macros.h"
#include "lib/diag/diagnostic.h"
#include "lib/relocate/closure.h"
#include "lib/relocate/parallel.h"
#include "lib/relocate/verify.h"

namespace deps {
namespace {

class Publisher {
 public:
  Publisher(const Family& family, const RelocationPlan& plan, Registry& registry,
            const PublishOptions& options)
      : family_(family), plan_(plan), registry_(registry), options_(options) {}

  absl::StatusOr<Relocation> Run();

 private:
  absl::Status LookAtTargets();
  absl::Status PublishBundle(size_t i);
  absl::StatusOr<std::string> PublishImage(const Reference& repository, const BundleImage& image);
  absl::Status PutBlobs(const Reference& repository, const std::vector<Descriptor>& blobs,
                        std::string* action);
  absl::Status CountReused(const Reference& repository, const BundleImage& image);
  absl::Status PutIndex(const PlannedBundle& bundle);
  void Report(const BundleImage& image, const Reference& repository, std::string action);

  const Family& family_;
  const RelocationPlan& plan_;
  Registry& registry_;
  const PublishOptions& options_;
  std::vector<std::string> present_;            // Digest at the target's tag; "" where none is.
  std::map<std::string, std::string> mounts_;   // Blob -> path of a repository that has it.
  std::map<std::string, std::string> handled_;  // REPOSITORY@DIGEST of an image -> action.
  Relocation relocation_;
};

absl::Status Publisher::LookAtTargets() {
  present_.resize(plan_.bundles.size());
  std::vector<std::function<absl::Status()>> steps;
  for (size_t i = 0; i < plan_.bundles.size(); ++i) {
    steps.push_back([this, i]() -> absl::Status {
      DEPS_ASSIGN_OR_RETURN(const std::optional<Descriptor> found,
                            registry_.HeadManifest(plan_.bundles[i].target));
      if (found.has_value()) present_[i] = found->digest;
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

absl::Status Publisher::PutBlobs(const Reference& repository, const std::vector<Descriptor>& blobs,
                                 std::string* action) {
  std::vector<BlobAction> actions(blobs.size());
  std::vector<std::function<absl::Status()>> steps;
  for (size_t i = 0; i < blobs.size(); ++i) {
    const BlobFile& file = family_.blobs.at(blobs[i].digest);
    const auto mount = mounts_.find(blobs[i].digest);
    std::optional<std::string> from;
    if (mount != mounts_.end() && mount->second != repository.path()) from = mount->second;
    steps.push_back([this, &repository, &blobs, &actions, &file, from, i]() -> absl::Status {
      DEPS_ASSIGN_OR_RETURN(actions[i], registry_.PutBlobFromFile(repository, blobs[i].digest,
                                                                  file.path, 0, file.size, from));
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
  if (found.has_value()) {
    for (const Descriptor& blob : closure.blobs) {
      relocation_.bytes_reused += blob.size;
      mounts_.emplace(blob.digest, repository.path());
    }
  } else if (!options_.dry_run) {
    options_.progress(absl::StrCat("image ", image.reference, " to ", target.Familiar()));
    DEPS_RETURN_IF_ERROR(PutBlobs(repository, closure.blobs, &action));
    for (const OciManifest& manifest : closure.manifests) {
      DEPS_RETURN_IF_ERROR(registry_.PutManifest(repository.WithDigest(manifest.digest),
                                                 manifest.media_type, manifest.bytes));
    }
  }
  handled_.emplace(target.Full(), action);
  return action;
}

// An image of a bundle that is there already, all its blobs with it.
absl::Status Publisher::CountReused(const Reference& repository, const BundleImage& image) {
  if (!handled_.emplace(repository.WithDigest(image.digest).Full(), "unchanged").second) {
    return absl::OkStatus();
  }
  DEPS_ASSIGN_OR_RETURN(const ImageClosure closure,
                        ClosureOf(family_, image.digest, image.media_type));
  for (const Descriptor& blob : closure.blobs) {
    relocation_.bytes_reused += blob.size;
    mounts_.emplace(blob.digest, repository.path());
  }
  return absl::OkStatus();
}

absl::Status Publisher::PutIndex(const PlannedBundle& bundle) {
  DEPS_ASSIGN_OR_RETURN(const BlobAction action,
                        registry_.PutBlob(bundle.target, bundle.config_digest, bundle.config));
  const int64_t size = static_cast<int64_t>(bundle.config.size());
  (action == BlobAction::kUploaded ? relocation_.bytes_uploaded : relocation_.bytes_reused) += size;
  DEPS_RETURN_IF_ERROR(
      registry_.PutManifest(bundle.target.WithDigest(bundle.config_manifest.digest),
                            bundle.config_manifest.media_type, bundle.config_manifest.bytes));
  DEPS_RETURN_IF_ERROR(
      registry_.PutManifest(bundle.target, bundle.index.media_type, bundle.index.bytes));
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
    std::string action = "unchanged";
    if (unchanged) {
      DEPS_RETURN_IF_ERROR(CountReused(bundle.target, image));
    } else {
      DEPS_ASSIGN_OR_RETURN(action, PublishImage(bundle.target, image));
    }
    Report(image, bundle.target, std::move(action));
  }
  if (unchanged) relocation_.bytes_reused += static_cast<int64_t>(bundle.config.size());
  if (!unchanged && !options_.dry_run) {
    options_.progress(absl::StrCat("bundle ", bundle.target.Familiar()));
    DEPS_RETURN_IF_ERROR(PutIndex(bundle));
  }
  relocation_.bundles.push_back({.source = bundle.source,
                                 .target = bundle.target.WithDigest(bundle.index.digest).Familiar(),
                                 .tag = bundle.target.Familiar(),
                                 .action = unchanged ? "unchanged" : "pushed"});
  return absl::OkStatus();
}

absl::StatusOr<Relocation> Publisher::Run() {
  // What is missing shall be known before anything is written.
  DEPS_RETURN_IF_ERROR(CheckFamily(family_));
  DEPS_RETURN_IF_ERROR(LookAtTargets());
  for (size_t i = 0; i < plan_.bundles.size(); ++i) DEPS_RETURN_IF_ERROR(PublishBundle(i));
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
