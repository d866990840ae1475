#include "lib/relocate/verify.h"

#include <algorithm>
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

absl::Status CheckFamily(const Family& family) {
  std::vector<Diagnostic> wrong;
  for (const FamilyMember& member : family.members) {
    for (const BundleImage& image : member.images) {
      const absl::StatusOr<ImageClosure> closure =
          ClosureOf(family, image.digest, image.media_type);
      const absl::Status status = WithContext(
          closure.status(), absl::StrCat("image ", image.reference, " of ", member.name));
      for (Diagnostic& diagnostic : DiagnosticsOf(status)) wrong.push_back(std::move(diagnostic));
    }
  }
  return wrong.empty() ? absl::OkStatus() : MakeErrors(std::move(wrong));
}

absl::StatusOr<Relocation> Verify(const Family& family) {
  DEPS_RETURN_IF_ERROR(CheckFamily(family));
  Relocation relocation;
  for (const FamilyMember& member : family.members) {
    const std::string tag =
        member.tag.empty() ? "" : absl::StrCat(member.repository, ":", member.tag);
    relocation.bundles.push_back(
        {.source = member.Source(), .target = member.Source(), .tag = tag, .action = "unchanged"});
    for (const BundleImage& image : member.images) {
      relocation.images.push_back({.source = image.reference,
                                   .target = absl::StrCat(member.repository, "@", image.digest),
                                   .digest = image.digest,
                                   .action = "unchanged"});
    }
    relocation.mapping.insert(member.mapping.begin(), member.mapping.end());
  }
  for (const auto& [digest, blob] : family.blobs) relocation.bytes_reused += blob.size;
  std::sort(relocation.images.begin(), relocation.images.end(),
            [](const RelocatedImage& a, const RelocatedImage& b) {
              return std::tie(a.source, a.target) < std::tie(b.source, b.target);
            });
  return relocation;
}

}  // namespace deps
