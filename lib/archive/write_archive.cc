#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "lib/archive/archive.h"
#include "lib/archive/archived_blob.h"
#include "lib/archive/gzip_writer.h"
#include "lib/archive/tar_header.h"
#include "lib/base/status_macros.h"
#include "lib/diag/diagnostic.h"
#include "lib/io/file.h"

namespace deps {
namespace {

using Sink = std::function<absl::Status(std::string_view)>;

constexpr std::string_view kOciLayout = "{\n    \"imageLayoutVersion\": \"1.0.0\"\n}";
constexpr size_t kBuffer = size_t{256} << 10;

class Writer {
 public:
  Writer(const Sink& sink, const ArchiveWriting& writing) : gzip_(sink), writing_(writing) {}

  absl::Status Folder(const std::string& name) {
    return gzip_.Write(TarHeader(name, /*is_folder=*/true, 0));
  }
  absl::Status File(const std::string& name, std::string_view text);
  absl::Status File(const std::string& name, const BlobFile& blob);
  absl::Status Bundle(const std::string& folder, const ArchivedBundle& bundle);
  absl::Status Close();

 private:
  GzipWriter gzip_;
  const ArchiveWriting& writing_;
};

absl::Status Writer::File(const std::string& name, std::string_view text) {
  const auto size = static_cast<int64_t>(text.size());
  DEPS_RETURN_IF_ERROR(gzip_.Write(TarHeader(name, /*is_folder=*/false, size)));
  DEPS_RETURN_IF_ERROR(gzip_.Write(text));
  return gzip_.Write(TarPadding(size));
}

absl::Status Writer::File(const std::string& name, const BlobFile& blob) {
  DEPS_ASSIGN_OR_RETURN(const std::unique_ptr<ArchivedBlob> content, ArchivedBlob::Open(blob));
  DEPS_RETURN_IF_ERROR(gzip_.Write(TarHeader(name, /*is_folder=*/false, blob.size)));
  std::vector<char> buffer(kBuffer);
  for (int64_t at = 0; at < blob.size;) {
    DEPS_ASSIGN_OR_RETURN(const size_t count, content->Read(at, buffer.data(), buffer.size()));
    DEPS_RETURN_IF_ERROR(gzip_.Write(std::string_view(buffer.data(), count)));
    at += static_cast<int64_t>(count);
    if (writing_.on_packed) writing_.on_packed(static_cast<int64_t>(count));
    if (writing_.stop != nullptr && *writing_.stop != 0) {
      return MakeError({.id = DiagnosticId::kInterrupted, .message = "a signal ended it"});
    }
  }
  return gzip_.Write(TarPadding(blob.size));
}

absl::Status Writer::Bundle(const std::string& folder, const ArchivedBundle& bundle) {
  DEPS_RETURN_IF_ERROR(Folder(folder));
  DEPS_RETURN_IF_ERROR(File(folder + "bundle.json", bundle.bundle_json));
  if (bundle.mapping_json.empty()) return absl::OkStatus();
  return File(folder + "relocation-mapping.json", bundle.mapping_json);
}

absl::Status Writer::Close() {
  // Two empty blocks, and no padding beyond them.
  DEPS_RETURN_IF_ERROR(gzip_.Write(std::string(2 * kTarBlock, '\0')));
  return gzip_.Close();
}

absl::Status WriteLayout(const BundleArchive& content, Writer& writer) {
  for (const char* const folder :
       {"./artifacts/", "./artifacts/layout/", "./artifacts/layout/blobs/",
        "./artifacts/layout/blobs/sha256/"}) {
    DEPS_RETURN_IF_ERROR(writer.Folder(folder));
  }
  bool has_sha512 = false;
  for (const auto& [digest, blob] : content.blobs) {
    std::string name = digest;
    name[name.find(':')] = '/';
    // The map has all of sha256 first.
    if (absl::StartsWith(name, "sha512") && !std::exchange(has_sha512, true)) {
      DEPS_RETURN_IF_ERROR(writer.Folder("./artifacts/layout/blobs/sha512/"));
    }
    DEPS_RETURN_IF_ERROR(writer.File("./artifacts/layout/blobs/" + name, blob));
  }
  DEPS_RETURN_IF_ERROR(writer.File("./artifacts/layout/index.json", content.index_json));
  return writer.File("./artifacts/layout/oci-layout", kOciLayout);
}

// The members in the order in which Go's filepath.Walk would meet them.
absl::Status WriteMembers(const BundleArchive& content, Writer& writer) {
  DEPS_RETURN_IF_ERROR(writer.Folder("./"));
  DEPS_RETURN_IF_ERROR(WriteLayout(content, writer));
  DEPS_RETURN_IF_ERROR(writer.File("./bundle.json", content.root.bundle_json));
  if (!content.dependencies.empty()) DEPS_RETURN_IF_ERROR(writer.Folder("./dependencies/"));
  for (const auto& [folder, bundle] : content.dependencies) {
    DEPS_RETURN_IF_ERROR(writer.Bundle(absl::StrCat("./dependencies/", folder, "/"), bundle));
  }
  if (content.root.mapping_json.empty()) return absl::OkStatus();
  return writer.File("./relocation-mapping.json", content.root.mapping_json);
}

}  // namespace

absl::Status WriteArchive(const BundleArchive& content, const Sink& sink,
                          const ArchiveWriting& writing) {
  Writer writer(sink, writing);
  DEPS_RETURN_IF_ERROR(WriteMembers(content, writer));
  return writer.Close();
}

absl::Status WriteArchiveFile(const BundleArchive& content, const std::string& path,
                              const ArchiveWriting& writing) {
  return ReplaceFile(path, [&](ByteSink sink) { return WriteArchive(content, sink, writing); });
}

}  // namespace deps
