// The annotations of a layout's entries.
#ifndef DEPS_LIB_RELOCATE_ANNOTATIONS_H_
#define DEPS_LIB_RELOCATE_ANNOTATIONS_H_

#include <string_view>

namespace deps {

// OCI's own: a reference with its host.
inline constexpr std::string_view kRefName = "org.opencontainers.image.ref.name";
// Ours, on the entry of a bundle's index: the folder of its documents, "." for
// the root; the tag that named it; a JSON array of how it was named; a JSON
// object, alias -> REPOSITORY@DIGEST; the platform that was chosen.
inline constexpr std::string_view kFolder = "cnab-deps.folder";
inline constexpr std::string_view kTag = "cnab-deps.tag";
inline constexpr std::string_view kReferences = "cnab-deps.references";
inline constexpr std::string_view kRequires = "cnab-deps.requires";
// On the entry of a signature and the like: REPOSITORY@DIGEST of the member it
// belongs to, the digest of what it is about, its type.
inline constexpr std::string_view kAttachedTo = "cnab-deps.attached-to";
inline constexpr std::string_view kSubject = "cnab-deps.subject";
inline constexpr std::string_view kArtifactType = "cnab-deps.artifact-type";
inline constexpr std::string_view kPlatform = "cnab-deps.platform";

}  // namespace deps

#endif  // DEPS_LIB_RELOCATE_ANNOTATIONS_H_
