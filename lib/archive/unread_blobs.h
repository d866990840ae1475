// Blobs of an archive that were passed over, read after all.
#ifndef DEPS_LIB_ARCHIVE_UNREAD_BLOBS_H_
#define DEPS_LIB_ARCHIVE_UNREAD_BLOBS_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include "absl/status/status.h"
#include "lib/archive/archive.h"

namespace deps {

// Reads those of the blobs that are unread, with all cores: notes their digest ->
// that of the content. BytesUnread and VerifyUnread of archive.h do it for others.
// Errors: file-read, interrupted.
absl::Status HashUnread(const std::map<std::string, BlobFile>& blobs, const std::atomic<int>* stop,
                        const std::function<void(int64_t bytes)>& on_read,
                        std::map<std::string, std::string>* found);

}  // namespace deps

#endif  // DEPS_LIB_ARCHIVE_UNREAD_BLOBS_H_
