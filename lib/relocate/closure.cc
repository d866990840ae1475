#include "lib/relocate/closure.h"

#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "lib/archive/archived_blob.h"
#include "lib/base/status_macros.h"
#include "lib/diag/diagnostic.h"
#include "lib/diag/source.h"
#include "lib/json/json.h"

namespace deps {
namespace {

constexpr int kMaxDepth = 8;

absl::Status Invalid(std::string message) {
  return MakeError({.id = DiagnosticId::kArchiveInvalid, .message = std::move(message)});
}

class Walker {
 public:
  Walker(const Family& family, std::vector<RelocationDifference>* differences)
      : family_(family), differences_(differences) {}

  absl::Status Walk(std::string_view digest, std::string_view media_type, int depth);
  ImageClosure Take() { return std::move(closure_); }

 private:
  absl::Status Tell(const char* kind, std::string_view digest, std::string message);
  absl::Status AddBlob(std::string_view parent, const Descriptor& blob);

  const Family& family_;
  std::vector<RelocationDifference>* const differences_;
  std::set<std::string> seen_;
  ImageClosure closure_;
};

absl::Status Walker::Tell(const char* kind, std::string_view digest, std::string message) {
  if (differences_ == nullptr) return Invalid(std::move(message));
  differences_->push_back(
      {.kind = kind, .subject = std::string(digest), .message = std::move(message)});
  return absl::OkStatus();
}

absl::Status Walker::AddBlob(std::string_view parent, const Descriptor& blob) {
  if (blob.foreign && family_.blobs.count(blob.digest) == 0) return absl::OkStatus();
  if (!seen_.insert(blob.digest).second) return absl::OkStatus();
  const auto found = family_.blobs.find(blob.digest);
  if (found == family_.blobs.end()) {
    return Tell("missing", blob.digest,
                absl::StrCat("blob ", blob.digest, " of ", parent, " is missing"));
  }
  if (found->second.size != blob.size) {
    return Tell("different", blob.digest,
                absl::StrCat("blob ", blob.digest, " has ", found->second.size, " bytes, but ",
                             parent, " says ", blob.size));
  }
  closure_.blobs.push_back(blob);
  return absl::OkStatus();
}

absl::Status Walker::Walk(std::string_view digest, std::string_view media_type, int depth) {
  if (depth > kMaxDepth) {
    return Invalid(absl::StrCat("manifests are nested more than ", kMaxDepth, " deep at ", digest));
  }
  if (!seen_.insert(std::string(digest)).second) return absl::OkStatus();
  const auto found = family_.blobs.find(std::string(digest));
  if (found == family_.blobs.end()) {
    return Tell("missing", digest, absl::StrCat("manifest ", digest, " is missing"));
  }
  DEPS_ASSIGN_OR_RETURN(std::string text, ReadArchivedBlob(found->second, kMaxManifestBytes));
  Source source = {.name = std::string(digest), .text = std::move(text)};
  std::string type(media_type);
  if (!IsManifestType(type)) {
    DEPS_ASSIGN_OR_RETURN(type, MediaTypeOf(source));
  }
  DEPS_ASSIGN_OR_RETURN(const ManifestContent content, ParseManifest(source, type));
  for (const Descriptor& child : content.manifests) {
    if (IsManifestType(child.media_type)) {
      DEPS_RETURN_IF_ERROR(Walk(child.digest, child.media_type, depth + 1));
    } else {
      DEPS_RETURN_IF_ERROR(AddBlob(digest, child));
    }
  }
  for (const Descriptor& blob : content.blobs) DEPS_RETURN_IF_ERROR(AddBlob(digest, blob));
  closure_.manifests.push_back(
      {.bytes = std::move(source.text), .media_type = type, .digest = std::string(digest)});
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<ImageClosure> ClosureOf(const Family& family, std::string_view digest,
                                       std::string_view media_type,
                                       std::vector<RelocationDifference>* differences) {
  Walker walker(family, differences);
  DEPS_RETURN_IF_ERROR(walker.Walk(digest, media_type, 1));
  return walker.Take();
}

absl::StatusOr<std::string> MediaTypeOf(const Source& manifest) {
  DEPS_ASSIGN_OR_RETURN(const json::Value value, json::Parse(manifest));
  if (const json::Value* const type = value.Find("mediaType");
      type != nullptr && type->IsString()) {
    return type->text;
  }
  return std::string(value.Find("manifests") != nullptr ? kOciIndex : kOciManifest);
}

}  // namespace deps
