#include "lib/oci/content_cache.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <system_error>
#include <tuple>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "lib/diag/source.h"
#include "lib/digest/sha256.h"
#include "lib/io/file.h"
#include "lib/json/json.h"
#include "lib/oci/reference.h"

namespace deps {
namespace {

// Beyond the content: its media type.
constexpr size_t kMaxHead = 256;

bool WriteAll(int file, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = write(file, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  return true;
}

// Makes the folders above `path`, for their owner alone.
bool MakeFolders(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos || slash == 0) return true;
  const std::string folder = path.substr(0, slash);
  if (mkdir(folder.c_str(), 0700) == 0 || errno == EEXIST) return true;
  return errno == ENOENT && MakeFolders(folder) &&
         (mkdir(folder.c_str(), 0700) == 0 || errno == EEXIST);
}

}  // namespace

ContentCache::ContentCache(std::string folder, int64_t max_bytes)
    : folder_(std::move(folder)), max_bytes_(max_bytes) {}

ContentCache::~ContentCache() {
  if (has_written_) Shrink();
}

std::string ContentCache::ContentPath(std::string_view digest) const {
  digest.remove_prefix(std::string_view("sha256:").size());
  return absl::StrCat(folder_, "/content/sha256/", digest.substr(0, 2), "/", digest);
}

std::string ContentCache::TagsPath(const std::string& repository) const {
  return absl::StrCat(folder_, "/tags/", Sha256Hex(repository));
}

std::optional<OciManifest> ContentCache::Get(std::string_view digest) const {
  if (folder_.empty() || !absl::StartsWith(digest, "sha256:") || !IsValidDigest(digest)) {
    return std::nullopt;
  }
  const std::string path = ContentPath(digest);
  absl::StatusOr<Source> source = ReadFile(path, kMaxCachedBytes + kMaxHead);
  if (!source.ok()) return std::nullopt;
  const size_t line = source->text.find('\n');
  if (line > kMaxHead) return std::nullopt;
  OciManifest content = {.bytes = source->text.substr(line + 1),
                         .media_type = source->text.substr(0, line),
                         .digest = std::string(digest)};
  if (Sha256Digest(content.bytes) != digest) return std::nullopt;
  // Used now: the last to be removed.
  utimensat(AT_FDCWD, path.c_str(), nullptr, 0);
  return content;
}

void ContentCache::Put(const OciManifest& content) {
  if (folder_.empty() || content.bytes.size() > kMaxCachedBytes) return;
  if (content.media_type.size() >= kMaxHead || absl::StrContains(content.media_type, "\n")) return;
  Write(ContentPath(content.digest), absl::StrCat(content.media_type, "\n"), content.bytes);
}

std::optional<ContentCache::Tags> ContentCache::GetTags(const std::string& repository) const {
  if (folder_.empty()) return std::nullopt;
  const absl::StatusOr<Source> source = ReadFile(TagsPath(repository), kMaxCachedBytes);
  if (!source.ok()) return std::nullopt;
  const absl::StatusOr<json::Value> value = json::Parse(*source);
  if (!value.ok()) return std::nullopt;
  Tags tags;
  std::string name;
  json::ObjectReader reader(*source, *value);
  reader.Required("repository", &name);
  reader.Required("mark", &tags.mark);
  reader.Required("tags", &tags.tags);
  const bool is_good = reader.Finish().ok() && name == repository &&
                       std::all_of(tags.tags.begin(), tags.tags.end(), IsValidTag);
  if (!is_good) return std::nullopt;
  return tags;
}

void ContentCache::PutTags(const std::string& repository, const Tags& tags) {
  if (folder_.empty() || tags.mark.empty()) return;
  json::Value value = json::Value::Object();
  value.Set("repository", json::Value::String(repository));
  value.Set("mark", json::Value::String(tags.mark));
  value.Set("tags", json::Value::Strings(tags.tags));
  Write(TagsPath(repository), json::Format(value, json::Style::kCompact), "");
}

// Beside the file and then in its place: nobody sees half of it. Without fsync:
// what a crash leaves is found damaged and written again.
void ContentCache::Write(const std::string& path, std::string_view head, std::string_view bytes) {
  std::string temporary = path + ".XXXXXX";
  int file = mkostemp(temporary.data(), O_CLOEXEC);
  if (file < 0 && errno == ENOENT && MakeFolders(path)) {
    temporary = path + ".XXXXXX";
    file = mkostemp(temporary.data(), O_CLOEXEC);
  }
  if (file < 0) return;
  const bool is_written = WriteAll(file, head) && WriteAll(file, bytes);
  const bool is_closed = close(file) == 0;
  if (!is_written || !is_closed || rename(temporary.c_str(), path.c_str()) != 0) {
    unlink(temporary.c_str());
    return;
  }
  has_written_ = true;
}

void ContentCache::Shrink() const {
  struct File {
    int64_t seconds;
    int64_t bytes;
    std::string path;
  };
  std::vector<File> files;
  int64_t total = 0;
  std::error_code error;
  const auto end = std::filesystem::recursive_directory_iterator();
  for (auto at = std::filesystem::recursive_directory_iterator(folder_, error); at != end;
       at.increment(error)) {
    if (error) return;
    struct stat status = {};
    const std::string path = at->path().string();
    if (lstat(path.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) continue;
    files.push_back({status.st_mtime, status.st_size, path});
    total += status.st_size;
  }
  if (total <= max_bytes_) return;
  std::sort(files.begin(), files.end(), [](const File& a, const File& b) {
    return std::tie(a.seconds, a.path) < std::tie(b.seconds, b.path);
  });
  // Some more than needed, so that the next run does not begin with it.
  for (const File& file : files) {
    if (total <= max_bytes_ / 4 * 3) return;
    if (unlink(file.path.c_str()) == 0) total -= file.bytes;
  }
}

}  // namespace deps
