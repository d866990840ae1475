// Layers of container images, unpacked over each other into a root file system.
//
// Source: OCI image-spec 1.1, layer.md.
#ifndef DEPS_LIB_ARCHIVE_LAYER_H_
#define DEPS_LIB_ARCHIVE_LAYER_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"

namespace deps {

struct LayerLimits {
  int64_t members = 2'000'000;
  int64_t inflated_bytes = int64_t{256} << 30;
};

// Unpacks a layer (tar, plain or with gzip or zstd) into the folder `root`, over what
// lower layers left there, whiteouts included. Every name and link is resolved
// within `root`, as a process would whose root it is: nothing outside is read,
// written or removed. Owners are set where this process is root; devices are left
// out, as the runtime makes those that a container may have.
// Of extended attributes, capabilities and those of users are set where that is
// allowed.
//
// Errors: archive-invalid, with the member; file-not-found, file-read;
// file-write.
absl::Status UnpackLayer(const std::string& path, const std::string& root,
                         const LayerLimits& limits = {});

}  // namespace deps

#endif  // DEPS_LIB_ARCHIVE_LAYER_H_
