// A container's root file system out of an image, without a container engine.
#ifndef DEPS_LIB_RUN_IMAGE_ROOT_H_
#define DEPS_LIB_RUN_IMAGE_ROOT_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "lib/oci/registry.h"
#include "lib/run/image_name.h"

namespace deps {

// What an image says about its processes.
struct ImageSettings {
  std::vector<std::string> environment;  // NAME=VALUE
  std::string user;                      // "", "1000", "app", "1000:1000", "app:group"
  std::string folder;                    // Where they start; "" is "/".
};

struct ContainerUser {
  int64_t uid = 0;
  int64_t gid = 0;
  std::vector<int64_t> more_groups;
};

// Unpacks the image that `names` names, for this machine's processor, into the
// empty folder `root`; the first of the names that is there. A name "oci:DIR" is
// an OCI layout. Blobs are kept in the folder `cache` ("" for none) and verified
// each time. Errors: those of Registry and UnpackLayer; bundle-invalid where the
// image is not for this machine or its configuration is malformed;
// digest-mismatch.
absl::StatusOr<ImageSettings> UnpackImage(const ImageNames& names, Registry& registry,
                                          const std::string& cache, const std::string& root);

// Whom `user` names by the root's /etc/passwd and /etc/group. Links in the root
// lead nowhere else. Errors: bundle-invalid.
absl::StatusOr<ContainerUser> FindUser(const std::string& user, const std::string& root);

}  // namespace deps

#endif  // DEPS_LIB_RUN_IMAGE_ROOT_H_
