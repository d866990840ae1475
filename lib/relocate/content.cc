#include "lib/relocate/content.h"

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "lib/base/parallel.h"
#include "lib/base/status_macros.h"
#include "lib/diag/diagnostic.h"
#include "lib/diag/source.h"
#include "lib/digest/sha256.h"
#include "lib/io/file.h"

namespace deps {
namespace {

constexpr int kMaxManifestDepth = 8;

absl::Status Error(DiagnosticId id, std::string message) {
  return MakeError({.id = id, .message = std::move(message)});
}

// Whether a check goes on after such an error: the registry has answered.
bool IsDifference(const absl::Status& status) {
  return HasId(status, DiagnosticId::kRegistryNotFound) ||
         HasId(status, DiagnosticId::kDigestMismatch) ||
         HasId(status, DiagnosticId::kBundleInvalid);
}

absl::Status InTemporaryFolder(const absl::Status& status) {
  if (!HasId(status, DiagnosticId::kFileWrite)) return status;
  std::vector<Diagnostic> diagnostics = DiagnosticsOf(status);
  diagnostics.front().hint = kMoreRoom;
  return MakeErrors(std::move(diagnostics));
}

// Tells of a transfer while it lives.
class Transfer {
 public:
  Transfer(Watcher& watcher, const Reference& repository, const std::string& digest, int64_t size)
      : watcher_(watcher), name_(absl::StrCat(repository.FamiliarRepository(), "@", digest)) {
    watcher_.Begin(name_, size);
  }
  ~Transfer() { watcher_.End(name_); }
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;
  void Advance(int64_t bytes) const { watcher_.Advance(name_, bytes); }

 private:
  Watcher& watcher_;
  const std::string name_;
};

}  // namespace

absl::Status ContentCollector::Check(const absl::Status& status, const std::string& subject) {
  if (status.ok() || !options_.check || !IsDifference(status)) return status;
  const bool missing = HasId(status, DiagnosticId::kRegistryNotFound);
  const std::lock_guard<std::mutex> lock(mutex_);
  for (const Diagnostic& diagnostic : DiagnosticsOf(status)) {
    family_.differences.push_back({.kind = missing ? "missing" : "different",
                                   .subject = subject,
                                   .message = diagnostic.message});
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> ContentCollector::PathOf(const std::string& digest) const {
  if (!IsValidDigest(digest)) {
    return Error(
        DiagnosticId::kDigestInvalid,
        absl::StrCat("'", digest, "' cannot be archived: it is neither sha256 nor sha512"));
  }
  return absl::StrCat(family_.folder->path(), "/", digest.substr(7));
}

absl::Status ContentCollector::AddText(const std::string& digest, std::string_view text) {
  DEPS_ASSIGN_OR_RETURN(const std::string path, PathOf(digest));
  if (!family_.blobs.emplace(digest, BlobFile{path, static_cast<int64_t>(text.size())}).second) {
    return absl::OkStatus();
  }
  return InTemporaryFolder(WriteFile(path, text, 0600));
}

absl::Status ContentCollector::AddManifest(const Reference& reference, int depth) {
  if (family_.blobs.count(reference.digest()) > 0) return absl::OkStatus();
  if (depth > kMaxManifestDepth) {
    return Error(DiagnosticId::kBundleInvalid,
                 absl::StrCat("manifests are nested more than ", kMaxManifestDepth, " deep"));
  }
  DEPS_ASSIGN_OR_RETURN(const OciManifest manifest, registry_.GetManifest(reference));
  const Source source = {.name = reference.Familiar(), .text = manifest.bytes};
  DEPS_ASSIGN_OR_RETURN(const ManifestContent content, ParseManifest(source, manifest.media_type));
  for (const Descriptor& child : content.manifests) {
    if (IsManifestType(child.media_type)) {
      const Reference below = reference.WithDigest(child.digest);
      DEPS_RETURN_IF_ERROR(Check(AddManifest(below, depth + 1), below.Familiar()));
    } else {
      DEPS_RETURN_IF_ERROR(AddBlob(reference, child));
    }
  }
  for (const Descriptor& blob : content.blobs) DEPS_RETURN_IF_ERROR(AddBlob(reference, blob));
  return AddText(reference.digest(), manifest.bytes);
}

absl::Status ContentCollector::AddBlob(const Reference& repository, const Descriptor& blob) {
  if (blob.foreign) {
    bool there = false;
    if (options_.foreign) {
      DEPS_ASSIGN_OR_RETURN(there, registry_.HasBlob(repository, blob.digest));
    }
    if (!there) {
      family_.notes.push_back(absl::StrCat("left out: layer ", blob.digest, " of ",
                                           repository.Familiar(), ", which is kept elsewhere"));
      return absl::OkStatus();
    }
  }
  if (family_.blobs.emplace(blob.digest, BlobFile{.size = blob.size}).second) {
    downloads_.emplace(blob.digest, repository);
  }
  return absl::OkStatus();
}

absl::Status ContentCollector::Read(const Reference& repository, const std::string& digest,
                                    BlobFile* blob) {
  const Transfer transfer(*options_.watcher, repository, digest, blob->size);
  const absl::Status status = registry_.GetBlobToSink(
      repository, digest, blob->size,
      [&](std::string_view piece) {
        transfer.Advance(static_cast<int64_t>(piece.size()));
        return absl::OkStatus();
      },
      [] { return absl::OkStatus(); });
  if (!status.ok()) {
    const std::lock_guard<std::mutex> lock(mutex_);
    bad_.push_back(digest);
  }
  return Check(status, absl::StrCat(repository.FamiliarRepository(), "@", digest));
}

absl::Status ContentCollector::Fetch(const Reference& repository, const std::string& digest,
                                     BlobFile* blob) {
  const Transfer transfer(*options_.watcher, repository, digest, blob->size);
  return InTemporaryFolder(registry_.GetBlobToFile(
      repository, digest, blob->size, blob->path, [&](int64_t bytes) { transfer.Advance(bytes); }));
}

absl::Status ContentCollector::Download() {
  if (options_.stream) {
    family_.remote = downloads_;
    return absl::OkStatus();
  }
  std::vector<std::function<absl::Status()>> steps;
  for (const auto& [digest, repository] : downloads_) {
    BlobFile& blob = family_.blobs.at(digest);
    options_.watcher->Expect(blob.size);
    if (!options_.check) {
      DEPS_ASSIGN_OR_RETURN(blob.path, PathOf(digest));
    }
    steps.push_back([this, &blob, &digest = digest, &repository = repository] {
      return options_.check ? Read(repository, digest, &blob) : Fetch(repository, digest, &blob);
    });
  }
  if (!steps.empty()) options_.watcher->Say(absl::StrCat(steps.size(), " blobs"));
  DEPS_RETURN_IF_ERROR(RunSteps(steps, options_.jobs));
  for (const std::string& digest : bad_) family_.blobs.erase(digest);
  return absl::OkStatus();
}

}  // namespace deps
