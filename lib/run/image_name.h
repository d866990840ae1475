// Under which names the image of a bundle is to be had.
#ifndef DEPS_LIB_RUN_IMAGE_NAME_H_
#define DEPS_LIB_RUN_IMAGE_NAME_H_

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "lib/model/bundle.h"

namespace deps {

struct ImageNames {
  std::vector<std::string> candidates;  // The best first; at least one.
  std::string digest;                   // What its manifest must have; "" where nobody says.
};

// Of the first invocation image of type docker or oci: where the mapping says; in
// the bundle's repository and in the image's own, by digest; without a known
// digest as the bundle spells it.
// Errors: bundle-invalid where there is no such image, or its digest is
// malformed.
absl::StatusOr<ImageNames> NamesOfImage(const Bundle& bundle,
                                        const std::map<std::string, std::string>& mapping);

// Whether the registry of `image` is this machine, where registries speak HTTP.
bool IsLoopback(std::string_view image);

}  // namespace deps

#endif  // DEPS_LIB_RUN_IMAGE_NAME_H_
