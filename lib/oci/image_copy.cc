#include "lib/oci/image_copy.h"

#include <sys/stat.h>

#include <array>
#include <cstdio>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "lib/base/status_macros.h"
#include "lib/diag/diagnostic.h"
#include "lib/digest/sha256.h"
#include "lib/http/http.h"
#include "lib/io/file.h"

namespace deps {
namespace {

constexpr int kMaxIndexDepth = 8;
constexpr char kRefName[] = "org.opencontainers.image.ref.name";

class RegistrySource : public ImageSource {
 public:
  RegistrySource(Registry& registry, const Reference& reference)
      : registry_(registry), reference_(reference) {}

  absl::StatusOr<OciManifest> Root() override { return registry_.GetManifest(reference_); }

  absl::StatusOr<OciManifest> Child(const Descriptor& descriptor) override {
    return registry_.GetManifest(reference_.WithDigest(descriptor.digest));
  }

  absl::Status GetBlob(const Descriptor& descriptor, const std::string& path) override {
    return registry_.GetBlobToFile(reference_, descriptor.digest, descriptor.size, path);
  }

  absl::Status PutBlob(const Descriptor& descriptor, Registry& registry,
                       const Reference& repository) override {
    const bool same_host = reference_.host() == repository.host();
    if (same_host && reference_.path() == repository.path()) return absl::OkStatus();
    DEPS_ASSIGN_OR_RETURN(const bool there, registry.HasBlob(repository, descriptor.digest));
    if (there) return absl::OkStatus();
    if (same_host) {
      DEPS_ASSIGN_OR_RETURN(const std::optional<BlobAction> mounted,
                            registry.MountBlob(repository, descriptor.digest, reference_.path()));
      if (mounted) return absl::OkStatus();
    }
    DEPS_ASSIGN_OR_RETURN(const TemporaryFolder folder, TemporaryFolder::Create("image"));
    const std::string path = absl::StrCat(folder.path(), "/blob");
    DEPS_RETURN_IF_ERROR(
        registry_.GetBlobToFile(reference_, descriptor.digest, descriptor.size, path));
    return registry
        .PutBlobFromSlice(repository, descriptor.digest,
                          http::SliceOfFile(path, 0, descriptor.size))
        .status();
  }

 private:
  Registry& registry_;
  const Reference reference_;
};

class LayoutSource : public ImageSource {
 public:
  LayoutSource(std::string folder, std::string tag)
      : folder_(std::move(folder)), tag_(std::move(tag)) {}

  absl::StatusOr<OciManifest> Root() override {
    DEPS_ASSIGN_OR_RETURN(const Source index,
                          ReadFile(absl::StrCat(folder_, "/index.json"), kMaxManifestBytes));
    DEPS_ASSIGN_OR_RETURN(const ManifestContent content, ParseManifest(index, kOciIndex));
    std::vector<Descriptor> found;
    for (const Descriptor& descriptor : content.manifests) {
      const auto name = descriptor.annotations.find(kRefName);
      const bool tagged = name != descriptor.annotations.end() && name->second == tag_;
      if ((tag_.empty() || tagged) && (found.empty() || found[0].digest != descriptor.digest)) {
        found.push_back(descriptor);
      }
    }
    if (found.size() == 1) return Child(found[0]);
    return MakeError(
        {.id = DiagnosticId::kArchiveInvalid,
         .message = tag_.empty() ? absl::StrCat("the layout has ", found.size(), " images, not one")
                                 : absl::StrCat("the layout has ", found.size(), " images '", tag_,
                                                "', not one"),
         .location = {.file = index.name}});
  }

  absl::StatusOr<OciManifest> Child(const Descriptor& descriptor) override {
    if (!IsManifestType(descriptor.media_type)) {
      return MakeError({.id = DiagnosticId::kArchiveInvalid,
                        .message = absl::StrCat(descriptor.digest, " is no manifest"),
                        .location = {.file = folder_}});
    }
    DEPS_ASSIGN_OR_RETURN(Source source, ReadFile(PathOf(descriptor), kMaxManifestBytes));
    if (Sha256Digest(source.text) != descriptor.digest) {
      return MakeError({.id = DiagnosticId::kDigestMismatch,
                        .message = "the content does not have the digest of its name",
                        .location = {.file = source.name}});
    }
    return OciManifest{.bytes = std::move(source.text),
                       .media_type = descriptor.media_type,
                       .digest = descriptor.digest};
  }

  absl::Status GetBlob(const Descriptor& descriptor, const std::string& path) override {
    const std::string from = PathOf(descriptor);
    std::ifstream in(from, std::ios::binary);
    std::ofstream out(path, std::ios::binary | std::ios::trunc);
    Sha256 sha256;
    std::array<char, size_t{64} << 10> buffer;
    while (in.read(buffer.data(), buffer.size()), in.gcount() > 0) {
      const std::string_view piece(buffer.data(), static_cast<size_t>(in.gcount()));
      sha256.Update(piece);
      out.write(piece.data(), in.gcount());
    }
    out.close();
    if (!in.eof() || sha256.Digest() != descriptor.digest) {
      std::remove(path.c_str());
      return MakeError({.id = DiagnosticId::kDigestMismatch,
                        .message = "a blob is missing or has not the digest of its name",
                        .location = {.file = from}});
    }
    if (out) return absl::OkStatus();
    return MakeError({.id = DiagnosticId::kFileWrite,
                      .message = "a blob cannot be written",
                      .location = {.file = path}});
  }

  absl::Status PutBlob(const Descriptor& descriptor, Registry& registry,
                       const Reference& repository) override {
    const std::string path = PathOf(descriptor);
    struct stat info;
    if (stat(path.c_str(), &info) != 0 || !S_ISREG(info.st_mode) ||
        info.st_size != descriptor.size) {
      return MakeError({.id = DiagnosticId::kArchiveInvalid,
                        .message = "a blob is missing or of another size",
                        .location = {.file = path}});
    }
    return registry
        .PutBlobFromSlice(repository, descriptor.digest,
                          http::SliceOfFile(path, 0, descriptor.size))
        .status();
  }

 private:
  // The digest of a descriptor has been checked, so it leads nowhere else.
  std::string PathOf(const Descriptor& descriptor) const {
    std::string_view digest = descriptor.digest;
    absl::ConsumePrefix(&digest, "sha256:");
    return absl::StrCat(folder_, "/blobs/sha256/", digest);
  }

  const std::string folder_;
  const std::string tag_;
};

absl::Status CopyManifest(const OciManifest& manifest, ImageSource& source, Registry& registry,
                          const Reference& repository, int depth) {
  if (depth > kMaxIndexDepth) {
    return MakeError({.id = DiagnosticId::kBundleInvalid,
                      .message = absl::StrCat(manifest.digest, " is nested too deeply")});
  }
  DEPS_ASSIGN_OR_RETURN(
      const ManifestContent content,
      ParseManifest({.name = manifest.digest, .text = manifest.bytes}, manifest.media_type));
  for (const Descriptor& blob : content.blobs) {
    if (!blob.foreign) DEPS_RETURN_IF_ERROR(source.PutBlob(blob, registry, repository));
  }
  for (const Descriptor& descriptor : content.manifests) {
    DEPS_ASSIGN_OR_RETURN(const OciManifest child, source.Child(descriptor));
    DEPS_RETURN_IF_ERROR(CopyManifest(child, source, registry, repository, depth + 1));
  }
  return registry.PutManifest(repository.WithDigest(manifest.digest), manifest.media_type,
                              manifest.bytes);
}

}  // namespace

std::unique_ptr<ImageSource> ImageInRegistry(Registry& registry, const Reference& reference) {
  return std::make_unique<RegistrySource>(registry, reference);
}

std::unique_ptr<ImageSource> ImageInLayout(std::string_view folder_and_tag) {
  const size_t colon = folder_and_tag.rfind(':');
  const bool tagged =
      colon != std::string_view::npos && folder_and_tag.find('/', colon) == std::string_view::npos;
  return std::make_unique<LayoutSource>(
      std::string(folder_and_tag.substr(0, tagged ? colon : std::string_view::npos)),
      std::string(tagged ? folder_and_tag.substr(colon + 1) : ""));
}

absl::StatusOr<Descriptor> CopyImage(ImageSource& source, Registry& registry,
                                     const Reference& repository) {
  DEPS_ASSIGN_OR_RETURN(const OciManifest root, source.Root());
  const Descriptor descriptor = {.media_type = root.media_type,
                                 .digest = root.digest,
                                 .size = static_cast<int64_t>(root.bytes.size())};
  DEPS_ASSIGN_OR_RETURN(const std::optional<Descriptor> there,
                        registry.HeadManifest(repository.WithDigest(root.digest)));
  if (there) return descriptor;
  DEPS_RETURN_IF_ERROR(CopyManifest(root, source, registry, repository, 0));
  return descriptor;
}

}  // namespace deps
