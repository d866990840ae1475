#include "lib/run/image_name.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "lib/diag/diagnostic.h"
#include "lib/digest/sha256.h"
#include "lib/run/runtime_files.h"

namespace deps {
namespace {

absl::Status Invalid(std::string message) {
  return MakeError({.id = DiagnosticId::kBundleInvalid, .message = std::move(message)});
}

std::string DigestOf(const Image& image) {
  if (!image.content_digest.empty()) return image.content_digest;
  const size_t at = image.image.find('@');
  return at == std::string::npos ? "" : image.image.substr(at + 1);
}

}  // namespace

absl::StatusOr<ImageNames> NamesOfImage(const Bundle& bundle,
                                        const std::map<std::string, std::string>& mapping) {
  for (const Image& image : bundle.invocation_images) {
    if (!image.image_type.empty() && image.image_type != "docker" && image.image_type != "oci") {
      continue;
    }
    ImageNames names = {.digest = DigestOf(image)};
    const auto add = [&names](std::string candidate) {
      // No option of an engine.
      if (!candidate.empty() && candidate[0] != '-') {
        names.candidates.push_back(std::move(candidate));
      }
    };
    const auto add_mapped = [&](const std::string& key) {
      if (const auto mapped = mapping.find(key); mapped != mapping.end()) add(mapped->second);
    };
    const std::string repository = RepositoryOfReference(image.image);
    add_mapped(image.image);
    if (names.digest.empty()) {
      add(image.image);
    } else if (!IsValidDigest(names.digest)) {
      return Invalid(
          absl::StrCat("image '", image.image, "' has the malformed digest '", names.digest, "'"));
    } else {
      add_mapped(absl::StrCat(repository, "@", names.digest));
      if (!bundle.reference.empty()) {
        add(absl::StrCat(RepositoryOfReference(bundle.reference), "@", names.digest));
      }
      add(absl::StrCat(repository, "@", names.digest));
    }
    if (!names.candidates.empty()) return names;
  }
  return Invalid(
      absl::StrCat("bundle '", bundle.name, "' has no invocation image of type docker or oci"));
}

bool IsLoopback(std::string_view image) {
  const std::string_view registry = image.substr(0, image.find('/'));
  return registry == "localhost" || absl::StartsWith(registry, "localhost:") ||
         absl::StartsWith(registry, "127.") || absl::StartsWith(registry, "[::1]");
}

}  // namespace deps
