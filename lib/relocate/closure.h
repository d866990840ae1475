// All that belongs to an image, from the blobs of a family.
#ifndef DEPS_LIB_RELOCATE_CLOSURE_H_
#define DEPS_LIB_RELOCATE_CLOSURE_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "lib/diag/source.h"
#include "lib/model/relocation.h"
#include "lib/oci/manifest.h"
#include "lib/relocate/family.h"

namespace deps {

struct ImageClosure {
  std::vector<OciManifest> manifests;  // Children before what lists them; the image's own last.
  std::vector<Descriptor> blobs;       // Each once; foreign ones are left out.
};

// With `differences` what is missing or has another size than it should goes
// there instead, and the walk goes on without it.
//
// Errors: archive-invalid where a manifest or blob is missing, has another size
// than it is said to have, or manifests are nested too deeply; those of
// ParseManifest; file-read.
absl::StatusOr<ImageClosure> ClosureOf(const Family& family, std::string_view digest,
                                       std::string_view media_type,
                                       std::vector<RelocationDifference>* differences = nullptr);

// The media type that a manifest's own bytes tell: `mediaType`, else what its
// members say.
absl::StatusOr<std::string> MediaTypeOf(const Source& manifest);

}  // namespace deps

#endif  // DEPS_LIB_RELOCATE_CLOSURE_H_
