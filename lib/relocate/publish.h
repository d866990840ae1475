// Carries a plan out on a registry.
#ifndef DEPS_LIB_RELOCATE_PUBLISH_H_
#define DEPS_LIB_RELOCATE_PUBLISH_H_

#include <atomic>

#include "absl/status/statusor.h"
#include "lib/model/relocation.h"
#include "lib/oci/registry.h"
#include "lib/relocate/family.h"
#include "lib/relocate/plan.h"
#include "lib/relocate/watcher.h"

namespace deps {

struct PublishOptions {
  // Replace targets that have other content, and look at each blob of images that
  // are there already.
  bool force = false;
  // Look, but write nothing. What would be uploaded is counted as if the registry
  // had no blob of images that it does not have.
  bool dry_run = false;
  int jobs = 4;
  // Where this is not null and becomes other than 0, reading the archive ends.
  const std::atomic<int>* stop = nullptr;
  Watcher* watcher = &Nobody();
  // Also push each image under its PorterTag: for registries that drop manifests
  // without a tag. Where it has one already, it stays.
  bool porter_tags = false;
  // Attach the mapping to the root's index as a referrer.
  bool attach_mapping = false;
};

// All targets are looked at before the first write. Each bundle's images go into
// its own repository by digest, then its config, its manifest and, last, its
// index under the tag; bundles in the order of the plan, so the root is last. Of a
// target that has the digest already its manifests are looked for, and sent where
// the registry has dropped them.
//
// What is attached to images, and to bundles that keep their digest, goes along.
// Blobs of which something is unread are verified while they are sent, and no
// registry gets the last bytes of a wrong one. Before the first manifest is written
// the rest of the archive is verified, so that none comes from a damaged one.
//
// Only the registry of the targets is ever asked, and those where blobs are that
// have no file: these are mounted where the host is the same, else sent on while
// they come in.
//
// Where the registry is on this machine the calling thread gives way to it
// (lib/base/priority.h), and so does what it does later.
//
// Errors: relocate-exists, all of them at once; those of Registry, ClosureOf and
// VerifyUnread.
absl::StatusOr<Relocation> Publish(const Family& family, const RelocationPlan& plan,
                                   Registry& registry, const PublishOptions& options);

}  // namespace deps

#endif  // DEPS_LIB_RELOCATE_PUBLISH_H_
