// Uploads of blobs: POST …/blobs/uploads/?mount=DIGEST&from=REPOSITORY, which
// answers 201 where the blob is there, else 202 with the Location for one PUT.

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/time/clock.h"
#include "lib/base/status_macros.h"
#include "lib/diag/diagnostic.h"
#include "lib/digest/sha256.h"
#include "lib/oci/session.h"

namespace deps {
namespace {

using Body = std::variant<std::monostate, std::string_view, http::FileSlice>;

// Below this it is cheaper to send a blob again than to ask for it.
constexpr int64_t kWorthAsking = 64 << 10;

struct Blob {
  const Reference& repository;
  std::string digest;
  int64_t size;
  Body body;
  std::string from;  // The path of a repository that has it, perhaps the same.
};

absl::StatusOr<std::string> LocationOf(const std::string& url, const std::string& name,
                                       const http::Response& response) {
  const std::string location = response.Header("location");
  if (location.empty()) {
    return MakeError({.id = DiagnosticId::kRegistryProtocol,
                      .message = absl::StrCat("the registry names no location for ", name)});
  }
  DEPS_ASSIGN_OR_RETURN(std::string resolved, http::ResolveUrl(url, location));
  if (absl::StartsWith(url, "https:") && !absl::StartsWith(resolved, "https:")) {
    return MakeError({.id = DiagnosticId::kRegistryProtocol,
                      .message = absl::StrCat("the registry wants ", name,
                                              " over http instead of https, refused")});
  }
  return resolved;
}

std::string WithDigest(std::string_view location, std::string_view digest) {
  return absl::StrCat(location, absl::StrContains(location, '?') ? "&" : "?",
                      "digest=", absl::StrReplaceAll(digest, {{":", "%3A"}}));
}

// What the registry answered to the request for an upload.
struct Opened {
  bool there = false;    // The blob is in the repository now.
  std::string location;  // Else where to send it.
};

bool MayNotMount(int status) {
  return status == 400 || status == 401 || status == 403 || status == 404 || status == 405 ||
         status == 415 || status == 422;
}

}  // namespace

// The steps of an upload, over the session of a registry.
class BlobUpload {
 public:
  BlobUpload(Registry& registry, Registry::Session& session, Blob blob)
      : registry_(registry),
        session_(session),
        blob_(std::move(blob)),
        name_(absl::StrCat(blob_.repository.FamiliarRepository(), "@", blob_.digest)) {}

  absl::StatusOr<BlobAction> Run() {
    for (int attempt = 1;; ++attempt) {
      absl::StatusOr<BlobAction> action = Attempt();
      if (action.ok() || !http::IsTransient(action.status()) ||
          attempt >= session_.retry().attempts) {
        return action;
      }
      absl::SleepFor(WaitBefore(attempt, session_.retry(), ""));
    }
  }

  // Without the upload: nullopt where the registry would want it.
  absl::StatusOr<std::optional<BlobAction>> Mount() {
    DEPS_ASSIGN_OR_RETURN(const std::optional<Opened> opened, Open(/*mount=*/true));
    if (!opened) return std::nullopt;
    if (opened->there) return WhereFrom();
    Cancel(opened->location);
    return std::nullopt;
  }

 private:
  BlobAction WhereFrom() const {
    return blob_.from == blob_.repository.path() ? BlobAction::kExisted : BlobAction::kMounted;
  }

  Registry::Session::Call NewCall(std::string method, std::string target) const {
    Registry::Session::Call call = Registry::Session::Push(blob_.repository, "");
    if (blob_.from != blob_.repository.path()) {
      call.access.scopes.push_back(absl::StrCat("repository:", blob_.from, ":pull"));
    }
    call.name = name_;
    call.method = std::move(method);
    call.target = std::move(target);
    return call;
  }

  // nullopt where the registry does not take a request to mount.
  absl::StatusOr<std::optional<Opened>> Open(bool mount) {
    const std::string target = absl::StrCat(
        "/v2/", blob_.repository.path(), "/blobs/uploads/",
        mount ? absl::StrCat("?mount=", absl::StrReplaceAll(blob_.digest, {{":", "%3A"}}),
                             "&from=", blob_.from)
              : "");
    const Registry::Session::Call call = NewCall("POST", target);
    const absl::StatusOr<http::Response> response = session_.Send(call);
    const bool elsewhere = blob_.from != blob_.repository.path();
    if (elsewhere && HasId(response.status(), DiagnosticId::kRegistryAuth)) return std::nullopt;
    DEPS_RETURN_IF_ERROR(response.status());
    if (mount && response->status == 201) return Opened{.there = true};
    if (mount && MayNotMount(response->status)) return std::nullopt;
    if (response->status / 100 != 2) return session_.ErrorOf(call, *response);
    DEPS_ASSIGN_OR_RETURN(
        std::string location,
        LocationOf(absl::StrCat(session_.EndpointOf(blob_.repository).url, target), name_,
                   *response));
    return Opened{.location = std::move(location)};
  }

  absl::StatusOr<BlobAction> Attempt() {
    DEPS_ASSIGN_OR_RETURN(std::optional<Opened> opened, Open(/*mount=*/true));
    if (opened && opened->there) return WhereFrom();
    const bool elsewhere = blob_.from != blob_.repository.path();
    // A registry that cannot mount, or not from there, may have the blob all the same.
    if (!opened || (blob_.size >= kWorthAsking) || elsewhere) {
      DEPS_ASSIGN_OR_RETURN(const bool there, registry_.HasBlob(blob_.repository, blob_.digest));
      if (there) {
        if (opened) Cancel(opened->location);
        return BlobAction::kExisted;
      }
    }
    if (!opened) {
      blob_.from = blob_.repository.path();
      DEPS_ASSIGN_OR_RETURN(opened, Open(/*mount=*/false));
    }
    return Put(opened->location);
  }

  absl::StatusOr<BlobAction> Put(const std::string& location) {
    Registry::Session::Call call = NewCall("PUT", WithDigest(location, blob_.digest));
    call.headers = {{"Content-Type", "application/octet-stream"}};
    call.body = blob_.body;
    call.once = true;  // The location is gone after an error.
    const absl::StatusOr<http::Response> response = session_.Send(call);
    if (response.ok() && response->status / 100 == 2) return BlobAction::kUploaded;
    const bool broken =
        response.ok() ? IsTemporary(response->status) : http::IsTransient(response.status());
    if (broken) {
      // Registries at times take a blob and fail to say so.
      DEPS_ASSIGN_OR_RETURN(const bool there, registry_.HasBlob(blob_.repository, blob_.digest));
      if (there) return BlobAction::kUploaded;
    }
    DEPS_RETURN_IF_ERROR(response.status());
    if (response->status == 400 && absl::StrContains(response->body, "DIGEST_INVALID")) {
      return MakeError({.id = DiagnosticId::kDigestMismatch,
                        .message = absl::StrCat("the registry finds that what was sent as ", name_,
                                                " has another digest")});
    }
    absl::Status error = session_.ErrorOf(call, *response);
    if (broken) http::MarkTransient(&error);
    return error;
  }

  // Ends an upload that is not needed. Where that fails, nothing is lost: the
  // registry forgets old uploads by itself.
  void Cancel(const std::string& location) {
    Registry::Session::Call call = NewCall("DELETE", location);
    call.once = true;
    session_.Send(call).IgnoreError();
  }

  Registry& registry_;
  Registry::Session& session_;
  Blob blob_;
  const std::string name_;
};

namespace {

absl::Status CheckSha256(std::string_view digest) {
  if (IsValidDigest(digest) && absl::StartsWith(digest, "sha256:")) return absl::OkStatus();
  return MakeError({.id = DiagnosticId::kDigestInvalid,
                    .message = "a blob is uploaded under sha256: and 64 hexadecimal digits"});
}

}  // namespace

absl::StatusOr<BlobAction> Registry::PutBlob(const Reference& repository, std::string_view digest,
                                             std::string_view bytes) {
  DEPS_RETURN_IF_ERROR(CheckSha256(digest));
  if (const std::string found = Sha256Digest(bytes); found != digest) {
    return MakeError({.id = DiagnosticId::kDigestMismatch,
                      .message = absl::StrCat(repository.FamiliarRepository(), "@", digest,
                                              " has content of digest ", found)});
  }
  return BlobUpload(*this, *session_,
                    {.repository = repository,
                     .digest = std::string(digest),
                     .size = static_cast<int64_t>(bytes.size()),
                     .body = bytes,
                     .from = repository.path()})
      .Run();
}

absl::StatusOr<BlobAction> Registry::PutBlobFromFile(const Reference& repository,
                                                     std::string_view digest,
                                                     const std::string& path, int64_t offset,
                                                     int64_t size,
                                                     const std::optional<std::string>& mount_from) {
  DEPS_RETURN_IF_ERROR(CheckSha256(digest));
  return BlobUpload(*this, *session_,
                    {.repository = repository,
                     .digest = std::string(digest),
                     .size = size,
                     .body = http::FileSlice{.path = path, .offset = offset, .size = size},
                     .from = mount_from.value_or(repository.path())})
      .Run();
}

absl::StatusOr<std::optional<BlobAction>> Registry::MountBlob(const Reference& repository,
                                                              std::string_view digest,
                                                              const std::string& mount_from) {
  DEPS_RETURN_IF_ERROR(CheckSha256(digest));
  return BlobUpload(*this, *session_,
                    {.repository = repository,
                     .digest = std::string(digest),
                     .size = 0,
                     .body = {},
                     .from = mount_from})
      .Mount();
}

}  // namespace deps
