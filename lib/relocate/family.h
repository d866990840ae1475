// A bundle with all that it requires, to any depth: what is packed and
// published together.
#ifndef DEPS_LIB_RELOCATE_FAMILY_H_
#define DEPS_LIB_RELOCATE_FAMILY_H_

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "lib/archive/archive.h"
#include "lib/io/file.h"
#include "lib/model/relocation.h"
#include "lib/oci/bundle_format.h"
#include "lib/oci/manifest.h"
#include "lib/oci/reference.h"

namespace deps {

// A manifest that says something of a bundle or an image: a signature, an SBOM.
struct Attachment {
  std::string subject;  // The digest of what it is about.
  std::string tag;      // "sha256-HEX.sig" of cosign; "" where it names its subject itself.
  OciManifest manifest;
  std::string artifact_type;
  bool operator==(const Attachment&) const = default;
};

struct FamilyMember {
  std::string repository;  // Where it is from, as people write it.
  std::string tag;         // The tag that named it; "" where none did.
  // How requirements, or the user, named it, sorted; what the mapping will know.
  std::vector<std::string> references;
  std::string name;
  std::string version;
  std::string bundle_json;  // As it was published.
  OciManifest config_manifest;
  OciManifest index;
  // The bundle's digest at its source: that of `index`, but where a platform was
  // chosen.
  std::string source_digest;
  std::string platform;  // "" where images are as they were published.
  std::vector<BundleImage> images;
  RelocationMapping mapping;  // Image -> REPOSITORY@DIGEST at its source.
  // Alias -> REPOSITORY@DIGEST of a member of the family. Requirements that are
  // not here (an existing installation serves them) stay as they are.
  std::map<std::string, std::string> requirements;
  // Signatures and the like, in the order of their digests.
  std::vector<Attachment> attachments;
  // In a check: its documents or a requirement of it are missing or different.
  bool incomplete = false;

  // REPOSITORY@DIGEST
  std::string Source() const { return repository + "@" + source_digest; }
};

struct Family {
  std::vector<FamilyMember> members;      // What is required comes first; the root is the last.
  std::map<std::string, BlobFile> blobs;  // All manifests and blobs of all images, by digest.
  // Where blobs are that have no file: they go from one registry to the other.
  std::map<std::string, Reference> remote;
  std::vector<std::string> notes;  // What was left out, and why.
  // What a check found while the family was read; others stop at such things.
  std::vector<RelocationDifference> differences;
  std::shared_ptr<TemporaryFolder> folder;  // Holds the blobs.
};

}  // namespace deps

#endif  // DEPS_LIB_RELOCATE_FAMILY_H_
