// What is attached to bundles and images, gathered from registries.
#ifndef DEPS_LIB_RELOCATE_ATTACHMENTS_H_
#define DEPS_LIB_RELOCATE_ATTACHMENTS_H_

#include "absl/status/status.h"
#include "lib/oci/registry.h"
#include "lib/relocate/content.h"
#include "lib/relocate/family.h"

namespace deps {

// Adds cosign's signatures, attestations and SBOMs (by their tags), and what names
// its subject (referrers): of the bundle, of its images and the manifests they
// list, and of what was found so, to any depth.
//
// What a registry refuses is noted in the family, and no error: registries differ
// in what they let be asked. Errors: interrupted, registry-unreachable, file-write,
// file-read, digest-mismatch; registry-protocol, where a registry stays busy.
absl::Status CollectAttachments(Registry& registry, ContentCollector& content, Family* family,
                                FamilyMember* member);

}  // namespace deps

#endif  // DEPS_LIB_RELOCATE_ATTACHMENTS_H_
