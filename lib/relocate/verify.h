// Whether a family is whole.
#ifndef DEPS_LIB_RELOCATE_VERIFY_H_
#define DEPS_LIB_RELOCATE_VERIFY_H_

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "lib/model/relocation.h"
#include "lib/relocate/family.h"

namespace deps {

// Whether every image of every member, and what is attached to them, is there with
// all that belongs to it, and is such that registries take it.
// Errors: input-too-large, of manifests over 4 MiB; those of ClosureOf; all at
// once.
absl::Status CheckFamily(const Family& family);

// What is there, as a Relocation in which all stays where it is, with the
// differences that were found while the family was read, and those of its
// images; each thing once. Errors: file-read.
absl::StatusOr<Relocation> Verify(const Family& family);

}  // namespace deps

#endif  // DEPS_LIB_RELOCATE_VERIFY_H_
