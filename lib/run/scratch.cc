#include "lib/run/scratch.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "lib/base/status_macros.h"
#include "lib/diag/diagnostic.h"

namespace deps {
namespace {

constexpr std::string_view kPrefix = "/cnab-deps-";

absl::Status Trouble(std::string_view what, std::string_view why) {
  return MakeError(
      {.id = DiagnosticId::kRunDriver, .message = absl::StrCat("'", what, "': ", why)});
}

bool IsInMemory(const std::string& folder) {
  struct statfs info = {};
  return !folder.empty() && statfs(folder.c_str(), &info) == 0 &&
         (info.f_type == TMPFS_MAGIC || info.f_type == RAMFS_MAGIC) &&
         access(folder.c_str(), W_OK) == 0;
}

absl::StatusOr<std::vector<std::string>> StepsOf(std::string_view path) {
  std::vector<std::string> steps = absl::StrSplit(path, '/', absl::SkipEmpty());
  for (const std::string& step : steps) {
    if (step == "." || step == ".." || step.find('\0') != std::string::npos) steps.clear();
  }
  if (!steps.empty()) return steps;
  return MakeError({.id = DiagnosticId::kBundleInvalid,
                    .message = absl::StrCat("'", path, "' is not a path of a file")});
}

// Containers may run under any user; the folder above keeps others out.
absl::Status MakeFolder(const std::string& path) {
  if (mkdir(path.c_str(), 0777) != 0 && errno != EEXIST) return Trouble(path, strerror(errno));
  if (chmod(path.c_str(), 0777) != 0) return Trouble(path, strerror(errno));
  return absl::OkStatus();
}

// A bundle's own trees of folders may be deeper; those are for filesystem::remove_all.
constexpr int kMostDepth = 16;

// Each attempt has such a tree, and remove_all takes twice as many system calls
// for it. Symbolic links are removed, not followed.
bool RemoveTree(int parent, const char* name, int depth) {
  const int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) return false;
  const absl::Cleanup closer = [fd] { close(fd); };
  alignas(dirent64) std::array<char, 2048> entries;
  do {
    const ssize_t size = getdents64(fd, entries.data(), entries.size());
    if (size <= 0) return false;
    for (ssize_t place = 0; place < size;) {
      const dirent64* const entry = reinterpret_cast<dirent64*>(entries.data() + place);
      place += entry->d_reclen;
      const std::string_view entry_name = entry->d_name;
      if (entry_name == "." || entry_name == "..") continue;
      const bool removed = entry->d_type == DT_DIR
                               ? depth > 0 && RemoveTree(fd, entry->d_name, depth - 1)
                               : unlinkat(fd, entry->d_name, 0) == 0;
      if (!removed) return false;
    }
    if (unlinkat(parent, name, AT_REMOVEDIR) == 0) return true;
  } while (errno == ENOTEMPTY);
  return false;
}

bool IsOurs(const std::string& path) {
  struct stat info = {};
  return absl::StrContains(path, kPrefix) && lstat(path.c_str(), &info) == 0 &&
         S_ISDIR(info.st_mode) && info.st_uid == geteuid() && IsInMemory(path);
}

}  // namespace

absl::StatusOr<std::string> Scratch::PathFor(const std::string& name) {
  const char* const runtime = std::getenv("XDG_RUNTIME_DIR");
  for (const std::string& folder :
       {std::string(runtime == nullptr ? "" : runtime), std::string("/dev/shm")}) {
    if (IsInMemory(folder)) return absl::StrCat(folder, kPrefix, name);
  }
  return MakeError({.id = DiagnosticId::kRunDriver,
                    .message = "there is no folder in memory for credentials and outputs",
                    .hint = "mount a tmpfs on /dev/shm, or set XDG_RUNTIME_DIR to one"});
}

absl::StatusOr<Scratch> Scratch::Create(const std::string& path) {
  if (mkdir(path.c_str(), 0700) != 0) {
    if (errno == EEXIST) RemoveScratch(path);
    if (mkdir(path.c_str(), 0700) != 0) return Trouble(path, strerror(errno));
  }
  Scratch scratch(path);
  std::string below = scratch.root();
  DEPS_RETURN_IF_ERROR(MakeFolder(scratch.control()));
  DEPS_RETURN_IF_ERROR(scratch.MakeFolderOnce(below));
  for (const std::string_view step : {"cnab", "app", "outputs"}) {
    absl::StrAppend(&below, "/", step);
    DEPS_RETURN_IF_ERROR(scratch.MakeFolderOnce(below));
  }
  return scratch;
}

absl::StatusOr<Scratch> Scratch::Adopt(const std::string& path) {
  if (IsOurs(path)) return Scratch(path);
  return Trouble(path, "it is not the folder of an earlier run");
}

Scratch::Scratch(Scratch&& other) noexcept
    : path_(std::exchange(other.path_, "")), folders_(std::move(other.folders_)) {}

absl::Status Scratch::MakeFolderOnce(const std::string& folder) {
  return folders_.insert(folder).second ? MakeFolder(folder) : absl::OkStatus();
}

void Scratch::Keep() { path_.clear(); }

Scratch::~Scratch() {
  if (!path_.empty()) RemoveScratch(path_);
}

absl::Status Scratch::Put(std::string_view path, std::string_view content) {
  DEPS_ASSIGN_OR_RETURN(const std::vector<std::string> steps, StepsOf(path));
  std::string file = root();
  for (size_t i = 0; i < steps.size(); ++i) {
    absl::StrAppend(&file, "/", steps[i]);
    if (i + 1 < steps.size()) DEPS_RETURN_IF_ERROR(MakeFolderOnce(file));
  }
  const int fd = open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);
  if (fd < 0) return Trouble(path, strerror(errno));
  const absl::Cleanup closer = [fd] { close(fd); };
  fchmod(fd, 0644);
  while (!content.empty()) {
    const ssize_t count = write(fd, content.data(), content.size());
    if (count < 0 && errno != EINTR) return Trouble(path, strerror(errno));
    if (count > 0) content.remove_prefix(static_cast<size_t>(count));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::optional<SecretBuffer>> Scratch::Read(std::string_view path,
                                                          size_t limit) const {
  DEPS_ASSIGN_OR_RETURN(const std::vector<std::string> steps, StepsOf(path));
  int fd = open(root().c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  const absl::Cleanup closer = [&fd] { close(fd); };
  for (size_t i = 0; i < steps.size() && fd >= 0; ++i) {
    const int flags = i + 1 < steps.size() ? O_PATH | O_DIRECTORY : O_RDONLY | O_NONBLOCK;
    const int next = openat(fd, steps[i].c_str(), flags | O_NOFOLLOW | O_CLOEXEC);
    const int error = errno;
    close(fd);
    fd = next;
    if (fd < 0 && error == ENOENT) return std::nullopt;
    if (fd < 0) return Trouble(path, error == ELOOP ? "a symbolic link" : strerror(error));
  }
  struct stat info = {};
  if (fd < 0 || fstat(fd, &info) != 0) return Trouble(path, strerror(errno));
  if (!S_ISREG(info.st_mode)) return Trouble(path, "not a regular file");
  SecretBuffer content;
  std::array<char, 16384> chunk;
  while (true) {
    const ssize_t count = read(fd, chunk.data(), chunk.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return Trouble(path, strerror(errno));
    if (count == 0) return content;
    content.Append({chunk.data(), static_cast<size_t>(count)});
    if (content.size() > limit) return Trouble(path, absl::StrCat("more than ", limit, " bytes"));
  }
}

int64_t Scratch::LeftBytes(int64_t enough) const {
  // A file that is empty takes memory, too.
  constexpr int64_t kEntry = 1024;
  constexpr int64_t kBlock = 512;
  int64_t bytes = 0;
  for (const std::string& folder : {root() + "/cnab/app/outputs", control()}) {
    std::error_code error;
    std::filesystem::recursive_directory_iterator entries(
        folder, std::filesystem::directory_options::skip_permission_denied, error);
    while (!error && entries != std::filesystem::end(entries) && bytes <= enough) {
      struct stat info = {};
      if (lstat(entries->path().c_str(), &info) == 0) bytes += kEntry + info.st_blocks * kBlock;
      entries.increment(error);
    }
  }
  return bytes;
}

void RemoveOtherScratches(const std::string& beginning, const std::set<std::string>& kept) {
  const absl::StatusOr<std::string> stem = Scratch::PathFor(beginning);
  if (!stem.ok()) return;
  const std::filesystem::path folder = std::filesystem::path(*stem).parent_path();
  std::error_code error;
  std::vector<std::string> found;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    const std::string path = entry.path().string();
    if (absl::StartsWith(path, *stem) && !kept.contains(path)) found.push_back(path);
  }
  for (const std::string& path : found) RemoveScratch(path);
}

void RemoveScratch(const std::string& path) {
  std::error_code ignored;
  if (!IsOurs(path) || RemoveTree(AT_FDCWD, path.c_str(), kMostDepth)) return;
  std::filesystem::remove_all(path, ignored);
}

}  // namespace deps
