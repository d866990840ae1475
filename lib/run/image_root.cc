#include "lib/run/image_root.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <memory>
#include <system_error>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "lib/archive/layer.h"
#include "lib/base/status_macros.h"
#include "lib/diag/diagnostic.h"
#include "lib/digest/sha256.h"
#include "lib/io/file.h"
#include "lib/json/json.h"
#include "lib/oci/image_copy.h"
#include "lib/oci/manifest.h"
#include "lib/oci/reference.h"

namespace deps {
namespace {

constexpr size_t kMaxConfig = size_t{8} << 20;
constexpr size_t kMaxUserFile = size_t{1} << 20;

absl::Status Invalid(std::string message) {
  return MakeError({.id = DiagnosticId::kBundleInvalid, .message = std::move(message)});
}

// As images call it: "linux/amd64".
std::string ThisPlatform() {
  utsname name = {};
  uname(&name);
  const std::string machine = name.machine;
  if (machine == "x86_64") return "linux/amd64";
  if (machine == "aarch64") return "linux/arm64";
  return absl::StrCat("linux/", machine);
}

absl::StatusOr<OciManifest> PlatformManifest(ImageSource& source, OciManifest manifest) {
  if (!IsIndexType(manifest.media_type)) return manifest;
  DEPS_ASSIGN_OR_RETURN(
      const ManifestContent content,
      ParseManifest({.name = manifest.digest, .text = manifest.bytes}, manifest.media_type));
  const std::string platform = ThisPlatform();
  for (const Descriptor& descriptor : content.manifests) {
    if (descriptor.platform == platform ||
        absl::StartsWith(descriptor.platform, absl::StrCat(platform, "/"))) {
      return source.Child(descriptor);
    }
  }
  return Invalid(absl::StrCat("the image is not for ", platform));
}

bool HasDigest(const std::string& path, const std::string& digest) {
  std::ifstream in(path, std::ios::binary);
  Sha256 sha256;
  std::array<char, size_t{64} << 10> buffer;
  while (in.read(buffer.data(), buffer.size()), in.gcount() > 0) {
    sha256.Update({buffer.data(), static_cast<size_t>(in.gcount())});
  }
  return in.eof() && sha256.Digest() == digest;
}

// Blobs of images on this machine's disk, by digest.
class BlobCache {
 public:
  static absl::StatusOr<BlobCache> Open(const std::string& folder) {
    DEPS_ASSIGN_OR_RETURN(TemporaryFolder scratch, TemporaryFolder::Create("image"));
    BlobCache cache(folder, std::move(scratch));
    std::error_code error;
    if (!folder.empty()) std::filesystem::create_directories(folder, error);
    // Without one every image is fetched each time.
    if (error) cache.folder_.clear();
    return cache;
  }

  // The path of a file with the blob, verified. It stays as long as the cache.
  absl::StatusOr<std::string> Get(ImageSource& source, const Descriptor& blob) {
    const std::string name(absl::StripPrefix(blob.digest, "sha256:"));
    const std::string kept = absl::StrCat(folder_, "/", name);
    if (!folder_.empty() && HasDigest(kept, blob.digest)) return kept;
    const std::string fetched = absl::StrCat(scratch_.path(), "/", name);
    if (access(fetched.c_str(), F_OK) == 0) return fetched;
    DEPS_RETURN_IF_ERROR(source.GetBlob(blob, fetched));
    if (folder_.empty()) return fetched;
    // Beside its place first: whoever sees it there sees all of it.
    static std::atomic<int> parts = 0;
    const std::string part = absl::StrCat(kept, ".", getpid(), ".", ++parts, ".part");
    std::error_code error;
    std::filesystem::copy_file(fetched, part, error);
    if (!error) std::filesystem::rename(part, kept, error);
    if (error) std::filesystem::remove(part, error);
    return fetched;
  }

 private:
  BlobCache(std::string folder, TemporaryFolder scratch)
      : folder_(std::move(folder)), scratch_(std::move(scratch)) {}
  std::string folder_;
  TemporaryFolder scratch_;
};

absl::StatusOr<ImageSettings> ReadSettings(const Source& source) {
  DEPS_ASSIGN_OR_RETURN(const json::Value value, json::Parse(source));
  ImageSettings settings;
  json::ObjectReader reader(source, value);
  reader.IgnoreRest();
  if (const json::Value* config = reader.Any("config");
      config != nullptr && config->kind != json::Kind::kNull) {
    json::ObjectReader inner(source, *config, "/config");
    inner.IgnoreRest();
    if (const json::Value* env = inner.Any("Env"); env != nullptr && env->IsArray()) {
      for (const json::Value& item : env->items) settings.environment.push_back(item.text);
    }
    inner.Optional("User", &settings.user);
    inner.Optional("WorkingDir", &settings.folder);
    reader.Check(inner.Finish());
  }
  DEPS_RETURN_IF_ERROR(reader.Finish());
  return settings;
}

absl::StatusOr<ImageSettings> UnpackFrom(ImageSource& source, const std::string& digest,
                                         const std::string& cache_folder, const std::string& root) {
  DEPS_ASSIGN_OR_RETURN(OciManifest manifest, source.Root());
  if (!digest.empty() && manifest.digest != digest) {
    return MakeError({.id = DiagnosticId::kDigestMismatch,
                      .message = absl::StrCat("it has the digest ", manifest.digest,
                                              ", and the bundle names ", digest)});
  }
  DEPS_ASSIGN_OR_RETURN(manifest, PlatformManifest(source, std::move(manifest)));
  DEPS_ASSIGN_OR_RETURN(
      const ManifestContent content,
      ParseManifest({.name = manifest.digest, .text = manifest.bytes}, manifest.media_type));
  if (content.blobs.empty() || content.blobs[0].size > static_cast<int64_t>(kMaxConfig)) {
    return Invalid("the image has no configuration");
  }
  DEPS_ASSIGN_OR_RETURN(BlobCache cache, BlobCache::Open(cache_folder));
  DEPS_ASSIGN_OR_RETURN(const std::string config, cache.Get(source, content.blobs[0]));
  DEPS_ASSIGN_OR_RETURN(const Source text, ReadFile(config, kMaxConfig));
  DEPS_ASSIGN_OR_RETURN(ImageSettings settings, ReadSettings(text));
  for (size_t i = 1; i < content.blobs.size(); ++i) {
    if (content.blobs[i].foreign) return Invalid("a layer of the image is kept elsewhere");
    DEPS_ASSIGN_OR_RETURN(const std::string layer, cache.Get(source, content.blobs[i]));
    DEPS_RETURN_IF_ERROR(UnpackLayer(layer, root));
  }
  return settings;
}

// A file of the root as a process in it would see it; "" where there is none.
std::string ReadWithin(const std::string& root, const char* path) {
  const int folder = open(root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
  const absl::Cleanup close_folder = [folder] { close(folder); };
  open_how how = {};
  how.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK;
  how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
  const int fd = static_cast<int>(syscall(SYS_openat2, folder, path, &how, sizeof(how)));
  if (fd < 0) return "";
  const absl::Cleanup close_fd = [fd] { close(fd); };
  std::string content(kMaxUserFile, '\0');
  size_t size = 0;
  ssize_t count = 0;
  while (size < content.size() &&
         (count = read(fd, content.data() + size, content.size() - size)) > 0) {
    size += static_cast<size_t>(count);
  }
  content.resize(size);
  return content;
}

// The lines of passwd or group, at `:`.
std::vector<std::vector<std::string>> Entries(const std::string& root, const char* path) {
  std::vector<std::vector<std::string>> entries;
  for (const std::string_view line : absl::StrSplit(ReadWithin(root, path), '\n')) {
    std::vector<std::string> fields = absl::StrSplit(line, ':');
    if (fields.size() >= 4) entries.push_back(std::move(fields));
  }
  return entries;
}

}  // namespace

absl::StatusOr<ImageSettings> UnpackImage(const ImageNames& names, Registry& registry,
                                          const std::string& cache, const std::string& root) {
  absl::Status first;
  for (const std::string& name : names.candidates) {
    std::unique_ptr<ImageSource> source;
    std::string_view layout = name;
    if (absl::ConsumePrefix(&layout, "oci:")) {
      source = ImageInLayout(layout);
    } else {
      DEPS_ASSIGN_OR_RETURN(const Reference reference, Reference::Parse(name));
      source = ImageInRegistry(registry, reference);
    }
    const absl::StatusOr<ImageSettings> settings = UnpackFrom(*source, names.digest, cache, root);
    if (settings.ok()) return settings;
    if (first.ok()) first = WithContext(settings.status(), absl::StrCat("image '", name, "'"));
    // What an image has left there before it failed is none of the next one's.
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(root, error)) {
      std::filesystem::remove_all(entry.path(), error);
    }
  }
  return first;
}

absl::StatusOr<ContainerUser> FindUser(const std::string& user, const std::string& root) {
  const std::vector<std::string> parts = absl::StrSplit(user, absl::MaxSplits(':', 1));
  ContainerUser found;
  std::string name = parts[0];
  bool known = absl::SimpleAtoi(name.empty() ? "0" : name, &found.uid);
  for (const std::vector<std::string>& entry : Entries(root, "/etc/passwd")) {
    if (known ? entry[2] != absl::StrCat(found.uid) : entry[0] != name) continue;
    if (!absl::SimpleAtoi(entry[2], &found.uid) || !absl::SimpleAtoi(entry[3], &found.gid)) {
      return Invalid(absl::StrCat("the image's /etc/passwd is malformed at '", entry[0], "'"));
    }
    known = true;
    name = entry[0];
    break;
  }
  if (!known) return Invalid(absl::StrCat("the image has no user '", name, "'"));
  const std::string group = parts.size() > 1 ? parts[1] : "";
  bool group_known = group.empty() || absl::SimpleAtoi(group, &found.gid);
  for (const std::vector<std::string>& entry : Entries(root, "/etc/group")) {
    int64_t gid = 0;
    if (!absl::SimpleAtoi(entry[2], &gid)) continue;
    if (!group_known && entry[0] == group) {
      found.gid = gid;
      group_known = true;
    }
    const std::vector<std::string> members = absl::StrSplit(entry[3], ',');
    if (group.empty() && std::find(members.begin(), members.end(), name) != members.end()) {
      found.more_groups.push_back(gid);
    }
  }
  if (!group_known) return Invalid(absl::StrCat("the image has no group '", group, "'"));
  constexpr int64_t kMaxId = 0xfffffffe;
  if (found.uid < 0 || found.gid < 0 || found.uid > kMaxId || found.gid > kMaxId) {
    return Invalid(absl::StrCat("'", user, "' is not a user"));
  }
  return found;
}

}  // namespace deps
