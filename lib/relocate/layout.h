// A family of bundles as the content of an archive, and back.
//
// All bundles share one OCI layout, in which each bundle's index and config
// manifest are too, so that any tool that reads layouts can copy them. What the
// formats of others have no place for stands in annotations of the index's
// entry: the bundle's folder, how it was named, and which members its
// requirements are.
//
// Source: CNAB 104; Porter's archive.go for folders and spelling.
#ifndef DEPS_LIB_RELOCATE_LAYOUT_H_
#define DEPS_LIB_RELOCATE_LAYOUT_H_

#include <string>

#include "absl/status/statusor.h"
#include "lib/archive/archive.h"
#include "lib/relocate/family.h"

namespace deps {

// Dependencies are in folders NAME-VERSION, with 12 digits of the digest behind
// where two would be the same. The result uses the family's files.
BundleArchive ArchiveOf(const Family& family);

// Takes what ArchiveOf makes, and archives of Porter and cnab-go, whose bundles'
// indexes are made again from their bundle.json. `name` is the archive's, for
// messages. In archives without our annotations a requirement is the member with
// its digest, or from its repository with its version.
//
// Errors: archive-invalid (a dependency is missing, documents contradict each
// other); those of ImagesOf, EncodeBundle, ParseMapping, json::Parse.
absl::StatusOr<Family> FamilyOf(OpenedArchive archive, const std::string& name);

// The same for a check: what is missing or damaged goes into the family's
// differences, and bundles that cannot be told without it stay incomplete.
absl::StatusOr<Family> FamilyToCheck(OpenedArchive archive, const std::string& name);

}  // namespace deps

#endif  // DEPS_LIB_RELOCATE_LAYOUT_H_
