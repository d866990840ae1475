#include "lib/graph/describe.h"

#include "absl/strings/str_cat.h"

namespace deps {

std::string BundleText(const Node& node) {
  const std::string version = node.resolution ? node.resolution->version : "";
  if (!node.bundle) return version;
  return absl::StrCat(node.bundle->name, " ", version.empty() ? node.bundle->version : version);
}

std::string MissingText(const Node& node) {
  if (node.reference.empty()) return "any bundle with its interface";
  return absl::StrCat(node.reference, " not found");
}

std::string InstallationText(const InstallationName& name) {
  return absl::StrCat(name.name_space, "/", name.name);
}

}  // namespace deps
