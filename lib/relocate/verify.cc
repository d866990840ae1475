#include "lib/relocate/verify.h"

#include <algorithm>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "lib/base/status_macros.h"
#include "lib/diag/diagnostic.h"
#include "lib/relocate/closure.h"

namespace deps {
namespace {

// What distribution-spec wants registries to take, and many take no more.
constexpr size_t kLargestToPush = size_t{4} << 20;

absl::Status CheckSizes(const absl::StatusOr<ImageClosure>& closure) {
  DEPS_RETURN_IF_ERROR(closure.status());
  for (const OciManifest& manifest : closure->manifests) {
    if (manifest.bytes.size() <= kLargestToPush) continue;
    return MakeError(
        {.id = DiagnosticId::kInputTooLarge,
         .message = absl::StrCat("manifest ", manifest.digest, " has ", manifest.bytes.size(),
                                 " bytes; registries take up to 4 MiB")});
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckFamily(const Family& family) {
  std::vector<Diagnostic> wrong;
  const auto check = [&](const std::string& digest, const std::string& media_type,
                         const std::string& name) {
    const absl::Status status =
        WithContext(CheckSizes(ClosureOf(family, digest, media_type)), name);
    for (Diagnostic& diagnostic : DiagnosticsOf(status)) wrong.push_back(std::move(diagnostic));
  };
  for (const FamilyMember& member : family.members) {
    for (const BundleImage& image : member.images) {
      check(image.digest, image.media_type,
            absl::StrCat("image ", image.reference, " of ", member.name));
    }
    for (const Attachment& attachment : member.attachments) {
      check(attachment.manifest.digest, attachment.manifest.media_type,
            absl::StrCat("what is attached to ", attachment.subject, " of ", member.name));
    }
  }
  return wrong.empty() ? absl::OkStatus() : MakeErrors(std::move(wrong));
}

namespace {

// A missing blob of two images is one difference.
std::string KeyOf(const RelocationDifference& difference) {
  return difference.subject.substr(difference.subject.rfind('@') + 1);
}

class Verifier {
 public:
  explicit Verifier(const Family& family) : family_(family) {}

  absl::StatusOr<Relocation> Run() {
    for (const RelocationDifference& difference : family_.differences) Add(difference);
    for (const FamilyMember& member : family_.members) DEPS_RETURN_IF_ERROR(AddMember(member));
    for (const auto& [digest, blob] : family_.blobs) relocation_.bytes_reused += blob.size;
    std::sort(relocation_.images.begin(), relocation_.images.end(),
              [](const RelocatedImage& a, const RelocatedImage& b) {
                return std::tie(a.source, a.target) < std::tie(b.source, b.target);
              });
    std::sort(relocation_.differences.begin(), relocation_.differences.end(),
              [](const RelocationDifference& a, const RelocationDifference& b) {
                return std::tie(a.subject, a.kind, a.message) <
                       std::tie(b.subject, b.kind, b.message);
              });
    return std::move(relocation_);
  }

 private:
  void Add(const RelocationDifference& difference) {
    if (seen_.insert(KeyOf(difference)).second) relocation_.differences.push_back(difference);
  }

  absl::Status AddMember(const FamilyMember& member) {
    const std::string tag =
        member.tag.empty() ? "" : absl::StrCat(member.repository, ":", member.tag);
    bool whole = !member.incomplete;
    for (const BundleImage& image : member.images) {
      DEPS_ASSIGN_OR_RETURN(const bool whole_image, AddImage(member, image));
      whole = whole && whole_image;
    }
    relocation_.bundles.push_back({.source = member.Source(),
                                   .target = member.Source(),
                                   .tag = tag,
                                   .action = whole ? "unchanged" : "incomplete"});
    relocation_.mapping.insert(member.mapping.begin(), member.mapping.end());
    return absl::OkStatus();
  }

  // Whether it is whole.
  absl::StatusOr<bool> AddImage(const FamilyMember& member, const BundleImage& image) {
    if (image.digest.empty()) return false;
    std::vector<RelocationDifference> found;
    const absl::StatusOr<ImageClosure> closure =
        ClosureOf(family_, image.digest, image.media_type, &found);
    if (HasId(closure.status(), DiagnosticId::kFileRead)) return closure.status();
    for (const Diagnostic& diagnostic : DiagnosticsOf(closure.status())) {
      found.push_back(
          {.kind = "different", .subject = image.digest, .message = diagnostic.message});
    }
    for (RelocationDifference& difference : found) {
      difference.message =
          absl::StrCat("image ", image.reference, " of ", member.name, ": ", difference.message);
      Add(difference);
    }
    relocation_.images.push_back({.source = image.reference,
                                  .target = absl::StrCat(member.repository, "@", image.digest),
                                  .digest = image.digest,
                                  .action = found.empty() ? "unchanged" : "incomplete"});
    return found.empty();
  }

  const Family& family_;
  std::set<std::string> seen_;
  Relocation relocation_;
};

}  // namespace

absl::StatusOr<Relocation> Verify(const Family& family) { return Verifier(family).Run(); }

}  // namespace deps
