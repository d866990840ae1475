#include "lib/relocate/attachments.h"

#include <algorithm>
#include <deque>
#include <optional>
#include <set>
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
#include "lib/oci/manifest.h"
#include "lib/oci/reference.h"
#include "lib/relocate/closure.h"

namespace deps {
namespace {

// Of one bundle. What is signed again and again has no end of its own.
constexpr size_t kMost = 1000;

// Whether the registry has answered, so that it will not answer better next time.
// A full disk and a broken connection end it all: what is attached is wanted.
bool IsAnswer(const absl::Status& status) {
  if (IsBusy(status)) return false;
  for (const DiagnosticId id :
       {DiagnosticId::kInterrupted, DiagnosticId::kRegistryUnreachable, DiagnosticId::kFileWrite,
        DiagnosticId::kFileRead, DiagnosticId::kDigestMismatch}) {
    if (HasId(status, id)) return false;
  }
  return !status.ok();
}

class Attacher {
 public:
  Attacher(Registry& registry, ContentCollector& content, Family* family, FamilyMember* member)
      : registry_(registry), content_(content), family_(*family), member_(*member) {}

  absl::Status Run();

 private:
  void AddSubject(const std::string& digest);
  void AddImage(const std::string& digest, const std::string& media_type);
  absl::Status AttachTo(const Reference& repository, const std::string& subject);
  absl::Status AttachTags(const Reference& repository, const std::string& subject);
  absl::Status AttachReferrers(const Reference& repository, const std::string& subject);
  absl::Status Attach(const Reference& reference, Attachment attachment);
  void Note(const std::string& subject, std::string_view why);

  Registry& registry_;
  ContentCollector& content_;
  Family& family_;
  FamilyMember& member_;
  std::optional<std::vector<std::string>> tags_;  // All of the repository.
  std::deque<std::string> subjects_;              // Still to be asked about.
  std::set<std::string> seen_;
};

void Attacher::AddSubject(const std::string& digest) {
  if (seen_.insert(digest).second) subjects_.push_back(digest);
}

// Of an image for several platforms each may be signed.
void Attacher::AddImage(const std::string& digest, const std::string& media_type) {
  AddSubject(digest);
  const absl::StatusOr<ImageClosure> closure = ClosureOf(family_, digest, media_type);
  if (!closure.ok()) return;
  for (const OciManifest& manifest : closure->manifests) AddSubject(manifest.digest);
}

void Attacher::Note(const std::string& subject, std::string_view why) {
  family_.notes.push_back(
      absl::StrCat("left out: what is attached to ", member_.repository, "@", subject, ": ", why));
}

absl::Status Attacher::Run() {
  DEPS_ASSIGN_OR_RETURN(const Reference repository, Reference::Parse(member_.repository));
  absl::StatusOr<std::vector<std::string>> tags = registry_.ListTags(repository);
  if (tags.ok()) {
    tags_ = *std::move(tags);
  } else if (!IsAnswer(tags.status())) {
    return tags.status();
  } else {
    Note(member_.source_digest, DiagnosticsOf(tags.status()).front().message);
  }
  AddSubject(member_.source_digest);
  for (const BundleImage& image : member_.images) AddImage(image.digest, image.media_type);
  while (!subjects_.empty()) {
    const std::string subject = std::move(subjects_.front());
    subjects_.pop_front();
    const absl::Status status = AttachTo(repository, subject);
    if (!status.ok() && !IsAnswer(status)) return status;
    if (!status.ok()) Note(subject, DiagnosticsOf(status).front().message);
  }
  std::sort(member_.attachments.begin(), member_.attachments.end(),
            [](const Attachment& a, const Attachment& b) {
              return std::tie(a.manifest.digest, a.tag) < std::tie(b.manifest.digest, b.tag);
            });
  return absl::OkStatus();
}

absl::Status Attacher::AttachTo(const Reference& repository, const std::string& subject) {
  DEPS_RETURN_IF_ERROR(AttachTags(repository, subject));
  return AttachReferrers(repository, subject);
}

// "sha256-HEX.sig", ".att", ".sbom"
absl::Status Attacher::AttachTags(const Reference& repository, const std::string& subject) {
  if (!tags_) return absl::OkStatus();
  std::string prefix = subject;
  prefix[prefix.find(':')] = '-';
  for (const std::string_view suffix : {".att", ".sbom", ".sig"}) {
    const std::string tag = absl::StrCat(prefix, suffix);
    if (std::find(tags_->begin(), tags_->end(), tag) == tags_->end()) continue;
    DEPS_RETURN_IF_ERROR(Attach(repository.WithTag(tag), {.subject = subject, .tag = tag}));
  }
  return absl::OkStatus();
}

absl::Status Attacher::AttachReferrers(const Reference& repository, const std::string& subject) {
  DEPS_ASSIGN_OR_RETURN(
      const std::vector<Descriptor> referrers,
      registry_.Referrers(repository.WithDigest(subject), tags_ ? &*tags_ : nullptr));
  for (const Descriptor& referrer : referrers) {
    if (!IsManifestType(referrer.media_type)) continue;
    DEPS_RETURN_IF_ERROR(Attach(repository.WithDigest(referrer.digest),
                                {.subject = subject, .artifact_type = referrer.artifact_type}));
  }
  return absl::OkStatus();
}

absl::Status Attacher::Attach(const Reference& reference, Attachment attachment) {
  if (member_.attachments.size() == kMost) {
    return MakeError({.id = DiagnosticId::kInputTooLarge,
                      .message = absl::StrCat("there are more than ", kMost)});
  }
  DEPS_ASSIGN_OR_RETURN(attachment.manifest, registry_.GetManifest(reference));
  const std::string digest = attachment.manifest.digest;
  DEPS_RETURN_IF_ERROR(content_.AddManifest(reference.WithDigest(digest)));
  const bool known = std::any_of(
      member_.attachments.begin(), member_.attachments.end(), [&](const Attachment& other) {
        return other.manifest.digest == digest && other.tag == attachment.tag;
      });
  if (known) return absl::OkStatus();
  AddImage(digest, attachment.manifest.media_type);
  member_.attachments.push_back(std::move(attachment));
  return absl::OkStatus();
}

}  // namespace

absl::Status CollectAttachments(Registry& registry, ContentCollector& content, Family* family,
                                FamilyMember* member) {
  return Attacher(registry, content, family, member).Run();
}

}  // namespace deps
