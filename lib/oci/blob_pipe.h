// A blob on its way from one registry to another, without a file between.
#ifndef DEPS_LIB_OCI_BLOB_PIPE_H_
#define DEPS_LIB_OCI_BLOB_PIPE_H_

#include <cstdint>
#include <string>

#include "lib/oci/reference.h"
#include "lib/oci/registry.h"

namespace deps {

// Readers of a blob of `repository`, for Registry::PutBlobFromReader. Each reads
// ahead by at most a few MiB on a thread of its own, and gives the last bytes
// only after the digest of all is known to be right. `registry` must outlive
// them.
OpenBlob BlobInRegistry(Registry& registry, const Reference& repository, const std::string& digest,
                        int64_t size);

}  // namespace deps

#endif  // DEPS_LIB_OCI_BLOB_PIPE_H_
