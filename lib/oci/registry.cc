#include "lib/oci/registry.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "lib/base/status_macros.h"
#include "lib/diag/diagnostic.h"
#include "lib/digest/digest_hasher.h"
#include "lib/digest/sha256.h"
#include "lib/oci/session.h"

namespace deps {
namespace {

constexpr char kAccept[] =
    "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, "
    "application/vnd.docker.distribution.manifest.list.v2+json, "
    "application/vnd.docker.distribution.manifest.v2+json";

// "manifests/TAG" or "manifests/DIGEST".
std::string ManifestSuffix(const Reference& reference) {
  if (!reference.digest().empty()) return absl::StrCat("manifests/", reference.digest());
  return absl::StrCat("manifests/", reference.tag().empty() ? "latest" : reference.tag());
}

// The type without parameters such as charset.
std::string MediaTypeOf(const http::Response& response) {
  const std::string header = response.Header("content-type");
  return std::string(absl::StripAsciiWhitespace(header.substr(0, header.find(';'))));
}

absl::Status CheckMediaType(const Reference& reference, const std::string& media_type) {
  if (IsManifestType(media_type)) return absl::OkStatus();
  return MakeError({.id = DiagnosticId::kRegistryProtocol,
                    .message = absl::StrCat(reference.Familiar(), " is of type '",
                                            absl::CHexEscape(media_type.substr(0, 100)),
                                            "', which is no manifest that can be read"),
                    .hint = media_type == "text/html"
                                ? "this may be the page of a proxy or of a login before it"
                                : ""});
}

absl::Status Mismatch(std::string_view name, std::string_view found) {
  return MakeError({.id = DiagnosticId::kDigestMismatch,
                    .message = absl::StrCat(name, " has content of digest ", found)});
}

absl::Status CheckDigest(std::string_view digest) {
  if (IsValidDigest(digest)) return absl::OkStatus();
  return MakeError({.id = DiagnosticId::kDigestInvalid,
                    .message = absl::StrCat("'", absl::CHexEscape(digest.substr(0, 150)),
                                            "' is no digest that can be verified"),
                    .hint = "sha256: and 64 hexadecimal digits, or sha512: and 128"});
}

absl::Status CheckRange(std::string_view option, int64_t value, int64_t least, int64_t most) {
  if (value >= least && value <= most) return absl::OkStatus();
  return MakeError({.id = DiagnosticId::kUsage,
                    .message = absl::StrCat(option, " takes a number from ", least, " to ", most)});
}

// Some registries, and what stands before them, know no HEAD.
bool KnowsNoHead(const http::Response& response) {
  return response.status == 405 || response.status == 501;
}

// A file that is being downloaded into; removed unless it was kept.
class NewFile {
 public:
  explicit NewFile(std::string path) : path_(std::move(path)) {}
  ~NewFile() {
    if (fd_ < 0) return;
    close(fd_);
    if (!kept_) unlink(path_.c_str());
  }
  absl::Status Open() {
    fd_ = open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    return fd_ < 0 ? Error() : absl::OkStatus();
  }
  absl::Status Restart() {
    if (ftruncate(fd_, 0) != 0 || lseek(fd_, 0, SEEK_SET) != 0) return Error();
    return absl::OkStatus();
  }
  absl::Status Write(std::string_view piece) {
    while (!piece.empty()) {
      const ssize_t written = write(fd_, piece.data(), piece.size());
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) return Error();
      piece.remove_prefix(static_cast<size_t>(written));
    }
    return absl::OkStatus();
  }
  void Keep() { kept_ = true; }

 private:
  absl::Status Error() const {
    return MakeError({.id = DiagnosticId::kFileWrite,
                      .message = absl::StrCat("cannot write: ", std::strerror(errno)),
                      .location = {.file = path_}});
  }
  std::string path_;
  int fd_ = -1;
  bool kept_ = false;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Registry>> Registry::Create(
    const AccessOptions& options,
    std::function<std::optional<std::string>(std::string_view)> getenv, RetryPolicy retry) {
  DEPS_ASSIGN_OR_RETURN(std::unique_ptr<Credentials> credentials,
                        Credentials::Load(options.registry_config, getenv, options.stop));
  for (const std::string& file : {options.ca_file, options.cert_file, options.key_file}) {
    if (file.empty() || access(file.c_str(), R_OK) == 0) continue;
    return MakeError({.id = DiagnosticId::kFileNotFound,
                      .message = absl::StrCat("cannot read: ", std::strerror(errno)),
                      .location = {.file = file}});
  }
  DEPS_RETURN_IF_ERROR(CheckRange("--retries", options.retries, 0, 100));
  DEPS_RETURN_IF_ERROR(CheckRange("--stall-timeout", options.stall_timeout, 1, 86'400));
  retry.attempts = static_cast<int>(options.retries) + 1;
  http::ClientOptions http = http::ProxiesFrom(getenv);
  http.stall_timeout_seconds = static_cast<int>(options.stall_timeout);
  http.ca_file = options.ca_file;
  http.cert_file = options.cert_file;
  http.key_file = options.key_file.empty() ? options.cert_file : options.key_file;
  http.stop = options.stop;
  return std::unique_ptr<Registry>(new Registry(
      std::make_unique<Session>(options, std::move(http), std::move(credentials), retry)));
}

Registry::Registry(std::unique_ptr<Session> session) : session_(std::move(session)) {}
Registry::~Registry() = default;

absl::StatusOr<OciManifest> Registry::GetManifest(const Reference& reference) {
  if (!reference.digest().empty()) DEPS_RETURN_IF_ERROR(CheckDigest(reference.digest()));
  Session::Call call = Session::Pull(reference, ManifestSuffix(reference));
  call.headers = {{"Accept", kAccept}};
  OciManifest manifest;
  call.restart = [&] {
    manifest.bytes.clear();
    return absl::OkStatus();
  };
  call.sink = [&](std::string_view piece) {
    if (manifest.bytes.size() + piece.size() > kMaxManifestBytes) {
      return MakeError({.id = DiagnosticId::kInputTooLarge,
                        .message = absl::StrCat("the manifest of ", call.name, " is over ",
                                                kMaxManifestBytes >> 20, " MiB")});
    }
    manifest.bytes.append(piece);
    return absl::OkStatus();
  };
  DEPS_ASSIGN_OR_RETURN(const http::Response response, session_->Require(call));
  manifest.media_type = MediaTypeOf(response);
  DEPS_RETURN_IF_ERROR(CheckMediaType(reference, manifest.media_type));
  manifest.digest = reference.digest().empty() ? Sha256Digest(manifest.bytes)
                                               : DigestLike(reference.digest(), manifest.bytes);
  if (!reference.digest().empty() && manifest.digest != reference.digest()) {
    return Mismatch(call.name, manifest.digest);
  }
  const std::string told = response.Header("docker-content-digest");
  if (IsValidDigest(told) && told != DigestLike(told, manifest.bytes)) {
    return Mismatch(absl::StrCat(call.name, ", said to be ", absl::CHexEscape(told), ","),
                    manifest.digest);
  }
  return manifest;
}

absl::StatusOr<std::optional<Descriptor>> Registry::HeadManifest(const Reference& reference) {
  if (!reference.digest().empty()) DEPS_RETURN_IF_ERROR(CheckDigest(reference.digest()));
  Session::Call call = Session::Pull(reference, ManifestSuffix(reference));
  call.method = "HEAD";
  call.headers = {{"Accept", kAccept}};
  DEPS_ASSIGN_OR_RETURN(const http::Response response, session_->Send(call));
  if (response.status == 404) return std::nullopt;
  if (response.status / 100 != 2 && !KnowsNoHead(response)) {
    return session_->ErrorOf(call, response);
  }
  Descriptor descriptor = {.media_type = MediaTypeOf(response),
                           .digest = response.Header("docker-content-digest")};
  if (response.status / 100 == 2 && CheckDigest(descriptor.digest).ok() &&
      IsManifestType(descriptor.media_type) &&
      absl::SimpleAtoi(response.Header("content-length"), &descriptor.size) &&
      descriptor.size >= 0) {
    if (!reference.digest().empty() && descriptor.digest != reference.digest()) {
      return Mismatch(call.name, descriptor.digest);
    }
    return descriptor;
  }
  const absl::StatusOr<OciManifest> manifest = GetManifest(reference);
  if (HasId(manifest.status(), DiagnosticId::kRegistryNotFound)) return std::nullopt;
  DEPS_RETURN_IF_ERROR(manifest.status());
  return Descriptor{.media_type = manifest->media_type,
                    .digest = manifest->digest,
                    .size = static_cast<int64_t>(manifest->bytes.size())};
}

absl::Status Registry::PutManifest(const Reference& reference, std::string_view media_type,
                                   std::string_view bytes) {
  const std::string digest =
      reference.digest().empty() ? Sha256Digest(bytes) : DigestLike(reference.digest(), bytes);
  if (!reference.digest().empty() && reference.digest() != digest) {
    return Mismatch(reference.Familiar(), digest);
  }
  Session::Call call = Session::Push(reference, ManifestSuffix(reference));
  call.method = "PUT";
  call.headers = {{"Content-Type", std::string(media_type)}};
  call.body = bytes;
  DEPS_ASSIGN_OR_RETURN(const http::Response response, session_->Require(call));
  const std::string told = response.Header("docker-content-digest");
  if (absl::StartsWith(told, "sha256:") && told != digest) {
    return MakeError({.id = DiagnosticId::kRegistryProtocol,
                      .message = absl::StrCat("the registry has taken ", call.name, " for ",
                                              absl::CHexEscape(told.substr(0, 100)))});
  }
  return absl::OkStatus();
}

absl::Status Registry::GetBlobToSink(const Reference& repository, std::string_view digest,
                                     int64_t size,
                                     const std::function<absl::Status(std::string_view)>& sink,
                                     const std::function<absl::Status()>& restart) {
  DEPS_RETURN_IF_ERROR(CheckDigest(digest));
  Session::Call call = Session::Pull(repository, absl::StrCat("blobs/", digest));
  call.name = absl::StrCat(repository.FamiliarRepository(), "@", digest);
  std::optional<DigestHasher> hash;
  int64_t received = 0;
  call.restart = [&] {
    hash.emplace(digest);
    received = 0;
    return restart();
  };
  call.sink = [&](std::string_view piece) {
    received += static_cast<int64_t>(piece.size());
    if (received > size) {
      return MakeError(
          {.id = DiagnosticId::kDigestMismatch,
           .message = absl::StrCat(call.name, " has more than the expected ", size, " bytes")});
    }
    hash->Update(piece);
    return sink(piece);
  };
  DEPS_RETURN_IF_ERROR(session_->Require(call).status());
  const std::string found = hash->Digest();
  return found == digest ? absl::OkStatus() : Mismatch(call.name, found);
}

absl::StatusOr<std::string> Registry::GetBlob(const Reference& repository, std::string_view digest,
                                              size_t max_bytes) {
  std::string bytes;
  const auto take = [&](std::string_view piece) {
    if (bytes.size() + piece.size() > max_bytes) {
      return MakeError({.id = DiagnosticId::kInputTooLarge,
                        .message = absl::StrCat(repository.FamiliarRepository(), "@", digest,
                                                " is over ", max_bytes, " bytes")});
    }
    bytes.append(piece);
    return absl::OkStatus();
  };
  const auto restart = [&] {
    bytes.clear();
    return absl::OkStatus();
  };
  DEPS_RETURN_IF_ERROR(
      GetBlobToSink(repository, digest, std::numeric_limits<int64_t>::max(), take, restart));
  return bytes;
}

absl::Status Registry::GetBlobToFile(const Reference& repository, std::string_view digest,
                                     int64_t size, const std::string& path,
                                     const std::function<void(int64_t bytes)>& on_received) {
  NewFile file(path);
  DEPS_RETURN_IF_ERROR(file.Open());
  DEPS_RETURN_IF_ERROR(GetBlobToSink(
      repository, digest, size,
      [&](std::string_view piece) {
        if (on_received) on_received(static_cast<int64_t>(piece.size()));
        return file.Write(piece);
      },
      [&] { return file.Restart(); }));
  file.Keep();
  return absl::OkStatus();
}

absl::StatusOr<bool> Registry::HasBlob(const Reference& repository, std::string_view digest) {
  DEPS_RETURN_IF_ERROR(CheckDigest(digest));
  Session::Call call = Session::Pull(repository, absl::StrCat("blobs/", digest));
  call.name = absl::StrCat(repository.FamiliarRepository(), "@", digest);
  call.method = "HEAD";
  DEPS_ASSIGN_OR_RETURN(const http::Response response, session_->Send(call));
  if (response.status == 404 || KnowsNoHead(response)) return false;
  if (response.status / 100 != 2) return session_->ErrorOf(call, response);
  return true;
}

}  // namespace deps
