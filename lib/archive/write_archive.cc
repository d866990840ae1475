#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "lib/archive/archive.h"
#include "lib/archive/gzip_writer.h"
#include "lib/archive/tar_header.h"
#include "lib/base/status_macros.h"
#include "lib/diag/diagnostic.h"

namespace deps {
namespace {

using Sink = std::function<absl::Status(std::string_view)>;

constexpr std::string_view kOciLayout = "{\n    \"imageLayoutVersion\": \"1.0.0\"\n}";
constexpr size_t kBuffer = size_t{256} << 10;

class Writer {
 public:
  explicit Writer(const Sink& sink) : gzip_(sink) {}

  absl::Status Folder(const std::string& name) {
    return gzip_.Write(TarHeader(name, /*is_folder=*/true, 0));
  }
  absl::Status File(const std::string& name, std::string_view text);
  absl::Status File(const std::string& name, const BlobFile& blob);
  absl::Status Bundle(const std::string& folder, const ArchivedBundle& bundle);
  absl::Status Close();

 private:
  GzipWriter gzip_;
};

absl::Status Writer::File(const std::string& name, std::string_view text) {
  const auto size = static_cast<int64_t>(text.size());
  DEPS_RETURN_IF_ERROR(gzip_.Write(TarHeader(name, /*is_folder=*/false, size)));
  DEPS_RETURN_IF_ERROR(gzip_.Write(text));
  return gzip_.Write(TarPadding(size));
}

absl::Status Writer::File(const std::string& name, const BlobFile& blob) {
  const auto read_error = [&](std::string_view reason) {
    return MakeError({.id = DiagnosticId::kFileRead,
                      .message = std::string(reason),
                      .location = {.file = blob.path}});
  };
  const int file = open(blob.path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return read_error(std::strerror(errno));
  const absl::Cleanup close_file = [file] { close(file); };
  DEPS_RETURN_IF_ERROR(gzip_.Write(TarHeader(name, /*is_folder=*/false, blob.size)));
  std::vector<char> buffer(kBuffer);
  int64_t left = blob.size;
  while (left > 0) {
    const ssize_t count = read(file, buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return read_error(std::strerror(errno));
    if (count == 0 || count > left) return read_error("its size changed");
    DEPS_RETURN_IF_ERROR(gzip_.Write(std::string_view(buffer.data(), static_cast<size_t>(count))));
    left -= count;
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

absl::Status WriteAll(int file, std::string_view bytes, const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t count = write(file, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) {
      return MakeError({.id = DiagnosticId::kFileWrite,
                        .message = std::strerror(errno),
                        .location = {.file = path}});
    }
    bytes.remove_prefix(static_cast<size_t>(count));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status WriteArchive(const BundleArchive& content, const Sink& sink) {
  Writer writer(sink);
  DEPS_RETURN_IF_ERROR(WriteMembers(content, writer));
  return writer.Close();
}

absl::Status WriteArchiveFile(const BundleArchive& content, const std::string& path) {
  const auto error = [&] {
    return MakeError({.id = DiagnosticId::kFileWrite,
                      .message = std::strerror(errno),
                      .location = {.file = path}});
  };
  struct stat info;
  const bool direct = stat(path.c_str(), &info) == 0 && !S_ISREG(info.st_mode);
  std::string temporary = path + ".XXXXXX";
  const int file =
      direct ? open(path.c_str(), O_WRONLY | O_CLOEXEC) : mkostemp(temporary.data(), O_CLOEXEC);
  if (file < 0) return error();
  absl::Status status =
      WriteArchive(content, [&](std::string_view bytes) { return WriteAll(file, bytes, path); });
  if (direct) {
    if (close(file) != 0 && status.ok()) status = error();
    return status;
  }
  if (status.ok() && (fchmod(file, 0644) != 0 || fsync(file) != 0)) status = error();
  if (close(file) != 0 && status.ok()) status = error();
  if (status.ok() && rename(temporary.c_str(), path.c_str()) != 0) status = error();
  if (!status.ok()) unlink(temporary.c_str());
  return status;
}

}  // namespace deps
