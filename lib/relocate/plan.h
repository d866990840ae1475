// Where each bundle of a family goes, and what it will be there. Pure.
#ifndef DEPS_LIB_RELOCATE_PLAN_H_
#define DEPS_LIB_RELOCATE_PLAN_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "lib/model/relocation.h"
#include "lib/oci/reference.h"
#include "lib/relocate/family.h"

namespace deps {

struct TargetOptions {
  std::string registry;    // HOST[:PORT][/NAMESPACE]
  std::string reference;   // Of the root, instead: dependencies go beside it.
  bool keep_path = false;  // The whole path of the source instead of its last element.
  // The root gets its bundle's name, as the root of an archive does; else it is
  // named like dependencies are.
  bool root_by_name = true;
};

struct PlannedBundle {
  std::string source;  // REPOSITORY@DIGEST
  Reference target;    // REPOSITORY:TAG
  std::string config;  // bundle.json as it will be there.
  std::string config_digest;
  OciManifest config_manifest;
  OciManifest index;
  // What goes along: all that is attached, but what is about a bundle that gets
  // another digest.
  std::vector<Attachment> attachments;
};

struct RelocationPlan {
  std::vector<PlannedBundle> bundles;  // As the members of the family: leaves first.
  // REPOSITORY@DIGEST of each bundle, each reference that named one, and each
  // image, as they were -> where they will be, by digest. Where bundles name
  // different images alike, the root's counts, else that of the later member.
  RelocationMapping mapping;
};

// A bundle goes to REGISTRY/NAME:TAG: the last element of its repository's path
// and the tag that named it, else "v" and its version.
// A requirement becomes REPOSITORY@DIGEST at its source. A bundle none of whose
// requirements changes keeps every byte and so its digest.
//
// Errors: reference-invalid (the registry, the reference, or a name or version
// that cannot be part of one); relocate-collision; those of EncodeBundle.
absl::StatusOr<RelocationPlan> PlanRelocation(const Family& family, const TargetOptions& options);

// A tag for a version: "v" in front, "+" as "_".
std::string TagOfVersion(std::string_view version);

}  // namespace deps

#endif  // DEPS_LIB_RELOCATE_PLAN_H_
