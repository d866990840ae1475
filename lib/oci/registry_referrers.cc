// Referrers (distribution-spec 1.1): the API, and the tag for registries without.
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "lib/base/status_macros.h"
#include "lib/diag/diagnostic.h"
#include "lib/json/json.h"
#include "lib/oci/pages.h"
#include "lib/oci/registry.h"
#include "lib/oci/session.h"

namespace deps {
namespace {

constexpr size_t kMost = 1000;

// "sha256:AB…" -> "sha256-AB…"
Reference TagFor(const Reference& subject) {
  const std::string tag = absl::StrReplaceAll(subject.digest(), {{":", "-"}});
  return subject.WithTag(tag);
}

absl::Status TooMany(const std::string& name) {
  return MakeError({.id = DiagnosticId::kInputTooLarge,
                    .message = absl::StrCat("the list of ", name, " is over ", kMost, " long")});
}

absl::Status ReadList(const std::string& name, std::string bytes, std::vector<Descriptor>* list) {
  DEPS_ASSIGN_OR_RETURN(ManifestContent content,
                        ParseManifest({.name = name, .text = std::move(bytes)}, kOciIndex));
  for (Descriptor& descriptor : content.manifests) list->push_back(std::move(descriptor));
  return list->size() <= kMost ? absl::OkStatus() : TooMany(name);
}

// Registries without the API answer 404, some 400 or 405; 404 of one that has
// it does not occur, an empty list is a list.
bool HasNoList(const http::Response& response) {
  return response.status == 404 || response.status == 400 || response.status == 405;
}

}  // namespace

absl::StatusOr<std::vector<Descriptor>> Registry::Referrers(const Reference& reference,
                                                            const std::vector<std::string>* tags) {
  std::vector<Descriptor> list;
  if (session_->ListsReferrers(reference)) {
    Session::Call call = Session::Pull(reference, absl::StrCat("referrers/", reference.digest()));
    call.headers = {{"Accept", std::string(kOciIndex)}};
    const std::string name = absl::StrCat("the referrers of ", call.name);
    Pages pages(*session_, call, name);
    while (true) {
      DEPS_ASSIGN_OR_RETURN(http::Response response, session_->Send(call));
      if (pages.IsFirst() && HasNoList(response)) break;
      if (response.status / 100 != 2) return session_->ErrorOf(call, response);
      const size_t before = list.size();
      DEPS_RETURN_IF_ERROR(ReadList(name, std::move(response.body), &list));
      DEPS_ASSIGN_OR_RETURN(call.target, pages.Next(response, list.size() > before));
      if (call.target.empty()) return list;
    }
    session_->LearnNoReferrers(reference);
  }
  const Reference tag = TagFor(reference);
  if (tags != nullptr && std::find(tags->begin(), tags->end(), tag.tag()) == tags->end()) {
    return list;
  }
  absl::StatusOr<OciManifest> index = GetManifest(tag);
  if (HasId(index.status(), DiagnosticId::kRegistryNotFound)) return list;
  DEPS_RETURN_IF_ERROR(index.status());
  if (!IsIndexType(index->media_type)) return list;
  DEPS_RETURN_IF_ERROR(ReadList(tag.Familiar(), std::move(index->bytes), &list));
  return list;
}

absl::Status Registry::AddReferrer(const Reference& subject, const Descriptor& referrer) {
  DEPS_ASSIGN_OR_RETURN(std::vector<Descriptor> known, Referrers(subject));
  const bool listed = std::any_of(known.begin(), known.end(), [&](const Descriptor& descriptor) {
    return descriptor.digest == referrer.digest;
  });
  if (listed) return absl::OkStatus();
  known.push_back(referrer);
  json::Value entries = json::Value::Array();
  for (const Descriptor& descriptor : known) {
    json::Value entry = json::Value::Object();
    entry.Set("mediaType", json::Value::String(descriptor.media_type));
    entry.Set("digest", json::Value::String(descriptor.digest));
    entry.Set("size", json::Value::Integer(descriptor.size));
    if (!descriptor.artifact_type.empty()) {
      entry.Set("artifactType", json::Value::String(descriptor.artifact_type));
    }
    if (!descriptor.annotations.empty()) {
      entry.Set("annotations", json::Value::StringMap(descriptor.annotations));
    }
    entries.items.push_back(std::move(entry));
  }
  json::Value index = json::Value::Object();
  index.Set("schemaVersion", json::Value::Integer(2));
  index.Set("mediaType", json::Value::String(kOciIndex));
  index.Set("manifests", std::move(entries));
  return PutManifest(TagFor(subject), kOciIndex, json::FormatLikeGo(index));
}

}  // namespace deps
