// Uploads of blobs: POST …/blobs/uploads/?mount=DIGEST&from=REPOSITORY, which
// answers 201 where the blob is there, else 202 with the Location for one PUT.

#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "lib/base/status_macros.h"
#include "lib/diag/diagnostic.h"
#include "lib/digest/digest_hasher.h"
#include "lib/digest/sha256.h"
#include "lib/oci/session.h"

namespace deps {
namespace {

using Body = std::variant<std::monostate, std::string_view, http::Slice, OpenBlob>;

// Below this it is cheaper to send a blob again than to ask for it.
constexpr int64_t kWorthAsking = 64 << 10;

// Of an upload in parts. A registry may ask for larger ones, up to a limit.
constexpr int64_t kChunk = int64_t{16} << 20;
constexpr int64_t kLargestChunk = int64_t{1} << 30;

struct Blob {
  const Reference& repository;
  std::string digest;
  int64_t size;
  Body body;
  std::string from;  // The path of a repository that has it, perhaps the same.
  std::function<void(int64_t)> on_sent = {};
};

// A part of the body; what is opened is read from its beginning.
http::Stream StreamOf(int64_t size, BlobReader& reader) {
  return {.size = size,
          .read = [&reader](char* buffer, size_t count) { return reader.Read(buffer, count); }};
}

// How much of an upload the registry has, by "Range: 0-N"; -1 where it does not
// say. "0-0" is told of uploads with nothing, too.
int64_t Acknowledged(const http::Response& response) {
  std::string range = response.Header("range");
  std::string_view text = range;
  absl::ConsumePrefix(&text, "bytes=");
  int64_t last = 0;
  if (!absl::ConsumePrefix(&text, "0-") || !absl::SimpleAtoi(text, &last) || last < 0) return -1;
  return last == 0 ? 0 : last + 1;
}

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
  int64_t chunk = kChunk;
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
      session_.Sleep(RandomWaitBefore(attempt, session_.retry(), ""));
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
    Registry::Session::Call call = NewCall("POST", target);
    // Whoever is told to stop needs the answer, to end what it has begun.
    call.after_stop = true;
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
    Opened opened = {.location = std::move(location)};
    int64_t least = 0;
    if (absl::SimpleAtoi(response->Header("oci-chunk-min-length"), &least)) {
      opened.chunk = std::clamp(least, kChunk, kLargestChunk);
    }
    return opened;
  }

  // Whether a request to mount has told that the blob is not there. That a registry
  // tells at all is found out with a blob that was sent before: the answer saves a
  // question for each blob to come.
  bool MountTells() {
    if (const std::optional<bool> tells = session_.MountTells(blob_.repository)) return *tells;
    if (blob_.size < kWorthAsking) return false;
    const std::optional<Reference> stored = session_.TakeStored(blob_.repository);
    if (!stored) return false;
    const absl::StatusOr<std::optional<BlobAction>> there =
        registry_.MountBlob(*stored, stored->digest(), stored->path());
    if (!there.ok()) return false;
    session_.LearnMount(blob_.repository, there->has_value());
    return there->has_value();
  }

  absl::StatusOr<BlobAction> Attempt() {
    DEPS_ASSIGN_OR_RETURN(std::optional<Opened> opened, Open(/*mount=*/true));
    const bool elsewhere = blob_.from != blob_.repository.path();
    if (opened && opened->there) {
      if (!elsewhere) session_.LearnMount(blob_.repository, true);
      return WhereFrom();
    }
    // A registry that cannot mount, or not from there, may have the blob all the same.
    const bool told = opened && !elsewhere && MountTells();
    if (!told && (!opened || blob_.size >= kWorthAsking || elsewhere)) {
      const absl::StatusOr<bool> there = registry_.HasBlob(blob_.repository, blob_.digest);
      if (opened && !there.ok()) Cancel(opened->location);
      DEPS_RETURN_IF_ERROR(there.status());
      if (*there) {
        if (opened && !elsewhere) session_.LearnMount(blob_.repository, false);
        if (opened) Cancel(opened->location);
        return BlobAction::kExisted;
      }
    }
    if (!opened) {
      blob_.from = blob_.repository.path();
      DEPS_ASSIGN_OR_RETURN(opened, Open(/*mount=*/false));
    }
    if (in_chunks_) return PutInChunks(*std::move(opened));
    return Put(opened->location);
  }

  // Bytes from `offset` to the end of the part, for one request.
  absl::Status SetBody(int64_t offset, int64_t size, Registry::Session::Call* call) {
    call->on_sent = blob_.on_sent;
    if (const auto* text = std::get_if<std::string_view>(&blob_.body)) {
      call->body = text->substr(static_cast<size_t>(offset), static_cast<size_t>(size));
    } else if (const auto* slice = std::get_if<http::Slice>(&blob_.body)) {
      call->body = http::Slice{.read = slice->read, .offset = slice->offset + offset, .size = size};
    } else if (const auto* open = std::get_if<OpenBlob>(&blob_.body)) {
      if (offset == 0) {
        DEPS_ASSIGN_OR_RETURN(reader_, (*open)());
      }
      call->body = StreamOf(size, *reader_);
    }
    return absl::OkStatus();
  }

  absl::StatusOr<BlobAction> Put(const std::string& location) {
    Registry::Session::Call call = NewCall("PUT", WithDigest(location, blob_.digest));
    call.headers = {{"Content-Type", "application/octet-stream"}};
    DEPS_RETURN_IF_ERROR(SetBody(0, blob_.size, &call));
    call.once = true;  // The location is gone after an error.
    const absl::StatusOr<http::Response> response = session_.Send(call);
    // Whoever is told to stop, or cannot read on, leaves nothing half done behind.
    if (!response.ok() && !http::IsTransient(response.status())) Cancel(location);
    // Something on the way does not take so much at once.
    if (response.ok() && response->status == 413 && blob_.size > 0 && !in_chunks_) {
      Cancel(location);
      in_chunks_ = true;
      return Attempt();
    }
    if (response.ok() && response->status / 100 == 2) {
      if (!session_.MountTells(blob_.repository)) {
        session_.NoteStored(blob_.repository.WithDigest(blob_.digest));
      }
      return BlobAction::kUploaded;
    }
    const bool broken =
        response.ok() ? IsTemporary(response->status) : http::IsTransient(response.status());
    if (broken) {
      // Registries at times take a blob and fail to say so.
      DEPS_ASSIGN_OR_RETURN(const bool there, registry_.HasBlob(blob_.repository, blob_.digest));
      if (there) return BlobAction::kUploaded;
      Cancel(location);
      // Next time no more is lost than a part.
      in_chunks_ = blob_.size > kChunk;
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

  // A PATCH for each part, from what the registry has acknowledged.
  absl::StatusOr<BlobAction> PutInChunks(Opened opened) {
    int64_t offset = 0;
    for (int failures = 0; offset < blob_.size;) {
      const int64_t size = std::min(opened.chunk, blob_.size - offset);
      Registry::Session::Call call = NewCall("PATCH", opened.location);
      call.headers = {{"Content-Type", "application/octet-stream"},
                      {"Content-Range", absl::StrCat(offset, "-", offset + size - 1)}};
      DEPS_RETURN_IF_ERROR(SetBody(offset, size, &call));
      call.once = true;
      absl::StatusOr<http::Response> response = session_.Send(call);
      const bool repeatable = !std::holds_alternative<OpenBlob>(blob_.body);
      const bool broken = response.ok() ? IsTemporary(response->status) || response->status == 416
                                        : http::IsTransient(response.status());
      if (broken && repeatable && ++failures < session_.retry().attempts) {
        session_.Sleep(RandomWaitBefore(failures, session_.retry(),
                                        response.ok() ? response->Header("retry-after") : ""));
        Registry::Session::Call ask = NewCall("GET", opened.location);
        DEPS_ASSIGN_OR_RETURN(response, session_.Send(ask));
        if (response->status == 404) return SessionIsGone();
        if (response->status / 100 != 2) return session_.ErrorOf(ask, *response);
      } else if (!response.ok() || response->status / 100 != 2) {
        if (response.ok() && response->status == 404) return SessionIsGone();
        Cancel(opened.location);
        return response.ok() ? session_.ErrorOf(call, *response) : response.status();
      }
      const int64_t known = Acknowledged(*response);
      const int64_t next = known < 0 || known > blob_.size ? offset + size : known;
      // A registry that goes back, or stands still, must not keep us for ever.
      if (next > offset) {
        failures = 0;
      } else if (!broken && ++failures >= session_.retry().attempts) {
        return SessionIsGone();
      }
      offset = next;
      if (!response->Header("location").empty()) {
        DEPS_ASSIGN_OR_RETURN(opened.location, LocationOf(opened.location, name_, *response));
      }
    }
    return Commit(opened.location);
  }

  absl::Status SessionIsGone() const {
    absl::Status status =
        MakeError({.id = DiagnosticId::kRegistryProtocol,
                   .message = absl::StrCat("the registry has forgotten the upload of ", name_)});
    http::MarkTransient(&status);
    return status;
  }

  absl::StatusOr<BlobAction> Commit(const std::string& location) {
    Registry::Session::Call call = NewCall("PUT", WithDigest(location, blob_.digest));
    call.headers = {{"Content-Type", "application/octet-stream"}};
    DEPS_ASSIGN_OR_RETURN(const http::Response response, session_.Send(call));
    if (response.status / 100 == 2) return BlobAction::kUploaded;
    DEPS_ASSIGN_OR_RETURN(const bool there, registry_.HasBlob(blob_.repository, blob_.digest));
    if (there) return BlobAction::kUploaded;
    return session_.ErrorOf(call, response);
  }

  // Ends an upload that is not needed. Where that fails, nothing is lost: the
  // registry forgets old uploads by itself.
  void Cancel(const std::string& location) {
    Registry::Session::Call call = NewCall("DELETE", location);
    call.once = true;
    call.after_stop = true;
    session_.Send(call).IgnoreError();
  }

  Registry& registry_;
  Registry::Session& session_;
  Blob blob_;
  const std::string name_;
  bool in_chunks_ = false;
  std::unique_ptr<BlobReader> reader_;  // Of a body that is opened.
};

namespace {

absl::Status CheckDigestToPut(std::string_view digest) {
  if (IsValidDigest(digest)) return absl::OkStatus();
  return MakeError({.id = DiagnosticId::kDigestInvalid,
                    .message = "a blob is uploaded under sha256: and 64 hexadecimal digits, or "
                               "sha512: and 128"});
}

}  // namespace

absl::StatusOr<BlobAction> Registry::PutBlob(const Reference& repository, std::string_view digest,
                                             std::string_view bytes) {
  DEPS_RETURN_IF_ERROR(CheckDigestToPut(digest));
  if (const std::string found = DigestLike(digest, bytes); found != digest) {
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

absl::StatusOr<BlobAction> Registry::PutBlobFromSlice(const Reference& repository,
                                                      std::string_view digest, http::Slice slice,
                                                      const std::optional<std::string>& mount_from,
                                                      std::function<void(int64_t)> on_sent) {
  DEPS_RETURN_IF_ERROR(CheckDigestToPut(digest));
  const int64_t size = slice.size;
  return BlobUpload(*this, *session_,
                    {.repository = repository,
                     .digest = std::string(digest),
                     .size = size,
                     .body = std::move(slice),
                     .from = mount_from.value_or(repository.path()),
                     .on_sent = std::move(on_sent)})
      .Run();
}

absl::StatusOr<BlobAction> Registry::PutBlobFromReader(const Reference& repository,
                                                       std::string_view digest, int64_t size,
                                                       const OpenBlob& open,
                                                       const std::optional<std::string>& mount_from,
                                                       std::function<void(int64_t)> on_sent) {
  DEPS_RETURN_IF_ERROR(CheckDigestToPut(digest));
  return BlobUpload(*this, *session_,
                    {.repository = repository,
                     .digest = std::string(digest),
                     .size = size,
                     .body = open,
                     .from = mount_from.value_or(repository.path()),
                     .on_sent = std::move(on_sent)})
      .Run();
}

absl::StatusOr<std::optional<BlobAction>> Registry::MountBlob(const Reference& repository,
                                                              std::string_view digest,
                                                              const std::string& mount_from) {
  DEPS_RETURN_IF_ERROR(CheckDigestToPut(digest));
  return BlobUpload(*this, *session_,
                    {.repository = repository,
                     .digest = std::string(digest),
                     .size = 0,
                     .body = {},
                     .from = mount_from})
      .Mount();
}

}  // namespace deps
