// Archives of bundles: gzipped tar files with an OCI layout, as CNAB 104 has
// them and `porter archive` writes them, with dependencies beside the root.
//
//   bundle.json  relocation-mapping.json
//   artifacts/layout/{oci-layout,index.json,blobs/sha256/HEX}, also blobs/sha512
//   dependencies/NAME/{bundle.json,relocation-mapping.json}
//
// All of it may stand in one folder of any name.
//
// Nothing is ever written to a name that an archive gives.
#ifndef DEPS_LIB_ARCHIVE_ARCHIVE_H_
#define DEPS_LIB_ARCHIVE_ARCHIVE_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "lib/io/file.h"

namespace deps {

class DeferredChecksum;

// An archive that stays open while somebody has it.
class ArchiveFile {
 public:
  ArchiveFile(std::string path, int file, std::shared_ptr<DeferredChecksum> checksum);
  ~ArchiveFile();
  ArchiveFile(const ArchiveFile&) = delete;
  ArchiveFile& operator=(const ArchiveFile&) = delete;
  const std::string& path() const { return path_; }
  int get() const { return file_; }
  DeferredChecksum& checksum() const { return *checksum_; }

 private:
  const std::string path_;
  const int file_;
  const std::shared_ptr<DeferredChecksum> checksum_;
};

// Bytes that lie in a gzip file as they are, in stored blocks of deflate one
// after another.
struct StoredRun {
  int64_t offset = 0;    // In the file, of the first one.
  int64_t in_block = 0;  // How many of them lie in its block.
  int64_t size = 0;
  bool operator==(const StoredRun&) const = default;
};

// Bytes of a blob that nobody has read yet, so that it has not been verified.
struct UnreadPart {
  std::string digest;  // Of the blob; "" where there is no such part.
  int64_t begin = 0;
  int64_t size = 0;
  int part = 0;  // Of the archive's checksum.
  bool operator==(const UnreadPart&) const = default;
};

// A blob in a file of ours. Of a large one only a part may be there, and the rest
// still in its archive, where it lies uncompressed. ArchivedBlob reads both.
struct BlobFile {
  std::string path;  // "" where all is in the archive.
  int64_t size = 0;
  // So many bytes of the file come before those in the archive, the rest behind.
  int64_t before = 0;
  StoredRun stored = {};
  std::shared_ptr<const ArchiveFile> archive = {};  // Where stored.size > 0.
  UnreadPart unread = {};
  bool operator==(const BlobFile&) const = default;
};

// The documents of one bundle, as they are.
struct ArchivedBundle {
  std::string bundle_json;
  std::string mapping_json;  // "" where there is none.
  bool operator==(const ArchivedBundle&) const = default;
};

struct BundleArchive {
  ArchivedBundle root;
  std::map<std::string, ArchivedBundle> dependencies;  // By the name of their folder.
  std::string index_json;                              // Of the layout.
  std::map<std::string, BlobFile> blobs;               // By digest.
};

// An archive that was read, and the private folder that holds its blobs, but for
// those that stayed in it: for them the file is kept open.
struct OpenedArchive {
  BundleArchive content;
  std::unique_ptr<TemporaryFolder> folder;
  // The digest in a blob's name -> that of its content, where they differ; only
  // where ReadArchive was to go on. Such blobs are not in `content`.
  std::map<std::string, std::string> damaged;
};

struct ArchiveLimits {
  int64_t members = 200'000;
  int64_t inflated_bytes = int64_t{64} << 30;
  size_t document_bytes = size_t{64} << 20;  // Of each JSON file.
  // A blob of so many bytes stays in the archive where it lies there uncompressed.
  int64_t leave_bytes = int64_t{1} << 20;
  // What stays there is not read: who reads such a blob verifies it, and VerifyUnread
  // the rest.
  bool defer = false;
  // Where this is not null and becomes other than 0, reading ends (interrupted).
  const std::atomic<int>* stop = nullptr;
  // Told of the file's bytes as they are read.
  std::function<void(int64_t bytes)> on_read = {};
};

// Reads a whole archive; names with and without "./" and one folder in front. Members that no
// reader needs (CNAB 104 allows them) are passed over. The digest of every blob
// and the checksum of the compressed data are verified, unless that is deferred.
//
// Errors: file-not-found, file-read; file-write of the private folder;
// archive-invalid, with the member: damaged, truncated, not an archive, a link
// or device, a name that leaves the archive, the same name twice, a blob whose
// content is not what its name says (unless `keep_going`), a limit exceeded, no
// bundle.json or layout.
absl::StatusOr<OpenedArchive> ReadArchive(const std::string& path, const ArchiveLimits& limits = {},
                                          bool keep_going = false);

// How many bytes of these blobs nobody has read yet.
int64_t BytesUnread(const std::map<std::string, BlobFile>& blobs);

// Verifies all that is left after ReadArchive with limits.defer: blobs that nobody has
// read, with all cores, and the checksum of the compressed data. `blobs` are all
// those of the archive, by digest; when nothing of them is unread it costs nothing.
//
// Errors: archive-invalid; file-read, also where the file has changed; interrupted.
absl::Status VerifyUnread(const std::map<std::string, BlobFile>& blobs,
                          const std::atomic<int>* stop = nullptr,
                          const std::function<void(int64_t bytes)>& on_read = {});

// Whether `name` may be the name of a dependency's folder: up to 128 letters,
// digits and "._+-", not beginning with ".".
bool IsDependencyFolder(std::string_view name);

struct ArchiveWriting {
  // Where this is not null and becomes other than 0, writing ends (interrupted).
  const std::atomic<int>* stop = nullptr;
  // Told of the bytes of blobs as they are packed.
  std::function<void(int64_t bytes)> on_packed = {};
};

// Writes an archive to `sink`. Equal content gives equal bytes. The tar file is
// the one that Porter would write, byte for byte: Go's headers, no times, no
// owners, members in the order of its walk. It is compressed by all cores, which
// does not show in the bytes.
//
// Errors: file-read of a blob; interrupted; those of `sink`.
absl::Status WriteArchive(const BundleArchive& content,
                          const std::function<absl::Status(std::string_view)>& sink,
                          const ArchiveWriting& writing = {});

// The same to a file, replaced in one step. Errors also: file-write.
absl::Status WriteArchiveFile(const BundleArchive& content, const std::string& path,
                              const ArchiveWriting& writing = {});

}  // namespace deps

#endif  // DEPS_LIB_ARCHIVE_ARCHIVE_H_
