// A client of registries (OCI distribution-spec 1.1, Docker Registry HTTP API V2).
//
// Content is verified here: what a call returns has the digest that it was
// asked for by. Credentials go to the scheme, host and port that they are for
// and nowhere else: not along a redirect, not to an upload location, not to a
// token server that the registry only claims to be its own.
#ifndef DEPS_LIB_OCI_REGISTRY_H_
#define DEPS_LIB_OCI_REGISTRY_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "lib/http/http.h"
#include "lib/oci/manifest.h"
#include "lib/oci/reference.h"
#include "lib/oci/registry_options.h"

namespace deps {

// What had to be done for a blob to be in a repository.
enum class BlobAction { kUploaded, kExisted, kMounted };

// How often and how soon a request is sent again after 429, 500, 502, 503, 504
// or a broken connection. A Retry-After counts up to `longest_wait`.
struct RetryPolicy {
  int attempts = 4;  // Of Registry::Create: AccessOptions::retries and one.
  absl::Duration first_wait = absl::Milliseconds(250);
  absl::Duration longest_wait = absl::Seconds(30);
};

// The bytes of a blob from its beginning, once.
class BlobReader {
 public:
  virtual ~BlobReader() = default;
  // Up to `size` bytes, at least one; 0 at the end.
  virtual absl::StatusOr<size_t> Read(char* buffer, size_t size) = 0;
};

// Called for each attempt.
using OpenBlob = std::function<absl::StatusOr<std::unique_ptr<BlobReader>>()>;

// Any number of threads may use one object at once. Where a call takes a
// repository, only host and path of the reference count.
//
// Errors of every call:
//   offline                --offline was given
//   interrupted            AccessOptions::stop says so; uploads that had begun
//                          are ended at the registry
//   registry-unreachable   no connection
//   registry-auth          401 or 403, or no token
//   registry-not-found     404; the message names the reference
//   registry-protocol      an answer that the protocol does not allow, or any
//                          other error status, with the registry's own words
class Registry {
 public:
  // `getenv` is asked for DOCKER_CONFIG, HOME, REGISTRY_AUTH_FILE,
  // XDG_RUNTIME_DIR, XDG_CONFIG_HOME, PATH and the proxies.
  // Errors: file-not-found, file-read, json-…, document-…: of
  // options.registry_config. A broken file of the user's own is told of when a
  // registry refuses access.
  static absl::StatusOr<std::unique_ptr<Registry>> Create(
      const AccessOptions& options,
      std::function<std::optional<std::string>(std::string_view)> getenv, RetryPolicy retry = {});
  ~Registry();

  // The manifest that a tag or digest names ("latest" where there is neither);
  // with a digest, the tag is not looked at.
  // Errors: digest-mismatch; input-too-large over kMaxManifestBytes.
  absl::StatusOr<OciManifest> GetManifest(const Reference& reference);
  // The same without the bytes; nullopt where there is none. One request, two
  // where the registry knows no HEAD or tells no digest.
  absl::StatusOr<std::optional<Descriptor>> HeadManifest(const Reference& reference);
  // Under the tag, or under the digest, which must be that of the bytes
  // (digest-mismatch).
  absl::Status PutManifest(const Reference& reference, std::string_view media_type,
                           std::string_view bytes);

  // Errors: digest-mismatch; digest-invalid; input-too-large over `max_bytes`.
  absl::StatusOr<std::string> GetBlob(const Reference& repository, std::string_view digest,
                                      size_t max_bytes);
  // Writes `path`, a new file; after an error it is not there. Verified while it
  // comes in. Errors also: file-write.
  absl::Status GetBlobToFile(const Reference& repository, std::string_view digest, int64_t size,
                             const std::string& path,
                             const std::function<void(int64_t bytes)>& on_received = {});
  // The same without a file: `sink` gets the bytes before they are verified.
  // `restart` is called before each attempt.
  absl::Status GetBlobToSink(const Reference& repository, std::string_view digest, int64_t size,
                             const std::function<absl::Status(std::string_view)>& sink,
                             const std::function<absl::Status()>& restart);
  // False also where the registry does not say.
  absl::StatusOr<bool> HasBlob(const Reference& repository, std::string_view digest);

  // One request where the repository has the blob already, two where not.
  // Errors also: digest-mismatch.
  absl::StatusOr<BlobAction> PutBlob(const Reference& repository, std::string_view digest,
                                     std::string_view bytes);
  // Where `mount_from` (a path of the same registry) has the blob, nothing is sent
  // or read. The registry verifies the digest. What is too large for one request
  // (413), or broke off, goes in parts. `on_sent` is told of bytes as they go, those
  // sent again included. Errors also: those of `slice`.
  absl::StatusOr<BlobAction> PutBlobFromSlice(
      const Reference& repository, std::string_view digest, http::Slice slice,
      const std::optional<std::string>& mount_from = std::nullopt,
      std::function<void(int64_t bytes)> on_sent = {});
  // The same from a reader, opened only where the blob is to be sent.
  absl::StatusOr<BlobAction> PutBlobFromReader(
      const Reference& repository, std::string_view digest, int64_t size, const OpenBlob& open,
      const std::optional<std::string>& mount_from = std::nullopt,
      std::function<void(int64_t bytes)> on_sent = {});

  // Mounts a blob that `mount_from` has: kMounted, kExisted, or nullopt where
  // the registry does not (it is to be uploaded).
  absl::StatusOr<std::optional<BlobAction>> MountBlob(const Reference& repository,
                                                      std::string_view digest,
                                                      const std::string& mount_from);

  // In the registry's order, all pages. At most a million.
  absl::StatusOr<std::vector<std::string>> ListTags(const Reference& repository);
  // The same with the mark of the answer, by which the registry knows it again:
  // its ETag, "" where it has none or the list has several pages. Asked with the
  // mark of a former answer, it may say that nothing has changed.
  struct TagList {
    std::vector<std::string> tags;
    std::string mark;
    bool is_unchanged = false;  // And `tags` is empty.
  };
  absl::StatusOr<TagList> ListTags(const Reference& repository, const std::string& mark);

  // What says of itself that it belongs to the manifest with this digest
  // (signatures, SBOMs): by the referrers API or, where the registry has none, by
  // the index under the tag that stands for it. All pages. `tags`, where given,
  // are the repository's: what is not among them is not asked for.
  // Errors: input-too-large over a thousand.
  absl::StatusOr<std::vector<Descriptor>> Referrers(const Reference& reference,
                                                    const std::vector<std::string>* tags = nullptr);
  // After a manifest with a `subject` was put: adds it to that index, where the
  // registry keeps no list of its own.
  absl::Status AddReferrer(const Reference& subject, const Descriptor& referrer);

  class Session;  // Of the implementation.

 private:
  explicit Registry(std::unique_ptr<Session> session);
  std::unique_ptr<Session> session_;
};

// Whether an error of Registry is an answer that would be another one some time
// later: 429, 502, 503 or 504, in spite of all repetitions.
bool IsBusy(const absl::Status& status);

}  // namespace deps

#endif  // DEPS_LIB_OCI_REGISTRY_H_
