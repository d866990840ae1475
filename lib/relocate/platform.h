// One platform of images that are for many.
#ifndef DEPS_LIB_RELOCATE_PLATFORM_H_
#define DEPS_LIB_RELOCATE_PLATFORM_H_

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "lib/oci/registry.h"
#include "lib/relocate/family.h"

namespace deps {

// Whether `platform` is OS/ARCHITECTURE[/VARIANT].
bool IsPlatform(std::string_view platform);

// Makes each image of `member` that is an index its manifest for `platform`; one
// without a variant takes any. The bundle's documents, and so its digest, are
// made again where that changes anything; `source_digest` stays.
//
// Errors: bundle-invalid where an image has no such platform; those of Registry,
// ParseManifest and EncodeBundle.
absl::Status ChoosePlatform(std::string_view platform, Registry& registry, FamilyMember* member);

}  // namespace deps

#endif  // DEPS_LIB_RELOCATE_PLATFORM_H_
