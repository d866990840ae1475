#include "lib/model/installation_clash.h"

#include <optional>

#include "absl/strings/str_cat.h"

namespace deps {
namespace {

std::string LabelOf(const std::map<std::string, std::string>& labels, std::string_view name) {
  const auto found = labels.find(std::string(name));
  return found == labels.end() ? "" : found->second;
}

// A reference without its tag and digest.
std::string_view RepositoryOf(std::string_view reference) {
  reference = reference.substr(0, reference.find('@'));
  const size_t colon = reference.rfind(':');
  const size_t slash = reference.rfind('/');
  const bool is_tag =
      colon != std::string_view::npos && (slash == std::string_view::npos || colon > slash);
  return is_tag ? reference.substr(0, colon) : reference;
}

std::string GroupText(const std::string& group) {
  return group.empty() ? "the sharing group without a name"
                       : absl::StrCat("the sharing group \"", group, "\"");
}

}  // namespace

std::string ClashOf(const PlannedInstallation& planned, const Bundle& bundle,
                    const Installation& existing) {
  if (!existing.IsInstalled()) return "";
  const std::string_view repository = RepositoryOf(bundle.reference);
  if (!repository.empty() && !existing.repository.empty() && repository != existing.repository) {
    return absl::StrCat("is one of the bundle ", existing.repository);
  }
  const auto shared = planned.labels.find(std::string(kSharingGroupLabel));
  if (shared == planned.labels.end()) {
    const std::string parent = LabelOf(planned.labels, kParentInstallationLabel);
    const std::string owner = LabelOf(existing.labels, kParentInstallationLabel);
    if (parent == owner) return "";
    return owner.empty() ? "was installed by itself" : absl::StrCat("belongs to ", owner);
  }
  const std::optional<std::string> group = existing.Group();
  if (!group) {
    const std::string owner = LabelOf(existing.labels, kParentInstallationLabel);
    return owner.empty() ? "is not shared" : absl::StrCat("belongs to ", owner, " alone");
  }
  if (*group != shared->second) return absl::StrCat("is in ", GroupText(*group));
  if (!bundle.digest.empty() && !existing.bundle_digest.empty() &&
      bundle.digest != existing.bundle_digest) {
    return existing.bundle_version.empty() ? "is of another digest than what was chosen"
                                           : absl::StrCat("is of version ", existing.bundle_version,
                                                          ", and ", bundle.version, " was chosen");
  }
  return "";
}

}  // namespace deps
