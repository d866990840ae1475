#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "lib/diag/diagnostic.h"
#include "lib/io/file.h"

namespace deps {
namespace {

namespace fs = std::filesystem;

// No other folder's name begins so: those of runs (lib/run) outlive processes.
constexpr std::string_view kName = "cnab-deps.";
constexpr int kFolder = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
// Another process may find a folder before it is locked, and remove it.
constexpr int kAttempts = 100;

// What cannot be removed stays for the system to clean: there is nobody to tell,
// and the work in the folder is done.
void RemoveTree(const std::string& path) {
  std::error_code ignored;
  fs::remove_all(path, ignored);
}

// Whether what is open as `folder` is still what `path` names: whoever waited for a
// lock may have waited for its removal.
bool IsAt(const std::string& path, int folder) {
  struct stat there = {};
  struct stat opened = {};
  return lstat(path.c_str(), &there) == 0 && fstat(folder, &opened) == 0 &&
         there.st_dev == opened.st_dev && there.st_ino == opened.st_ino;
}

// Whether it is ours, and nobody uses it; it is locked then.
bool IsLeft(const std::string& path, int folder) {
  struct stat info = {};
  return fstat(folder, &info) == 0 && info.st_uid == geteuid() && (info.st_mode & 0777) == 0700 &&
         flock(folder, LOCK_EX | LOCK_NB) == 0 && IsAt(path, folder);
}

void RemoveLeft(const std::string& parent) {
  std::error_code error;
  for (fs::directory_iterator each(parent, error), end; !error && each != end;
       each.increment(error)) {
    if (!absl::StartsWith(each->path().filename().string(), kName)) continue;
    const std::string path = each->path().string();
    const int folder = open(path.c_str(), kFolder);
    if (folder < 0) continue;
    const absl::Cleanup close_folder = [folder] { close(folder); };
    if (IsLeft(path, folder)) RemoveTree(path);
  }
}

// Where a file system knows no locks, nobody removes what is there.
void Lock(int folder) {
  while (flock(folder, LOCK_EX) != 0 && errno == EINTR) {
  }
}

absl::Status NotMade(const std::string& parent) {
  return MakeError(
      {.id = DiagnosticId::kFileWrite,
       .message = absl::StrCat("no temporary folder can be made here: ", std::strerror(errno)),
       .location = {.file = parent},
       .hint = "set TMPDIR to a folder that can be written"});
}

}  // namespace

std::string TemporaryParent() {
  const char* const configured = std::getenv("TMPDIR");
  return configured != nullptr && *configured != '\0' ? configured : "/tmp";
}

absl::StatusOr<TemporaryFolder> TemporaryFolder::Create(std::string_view purpose) {
  const std::string parent = TemporaryParent();
  RemoveLeft(parent);
  for (int i = 0; i < kAttempts; ++i) {
    std::string path = absl::StrCat(parent, "/", kName, purpose, "-XXXXXX");
    if (mkdtemp(path.data()) == nullptr) break;
    const int folder = open(path.c_str(), kFolder);
    if (folder < 0 && errno != ENOENT) {
      const int error = errno;
      rmdir(path.c_str());
      errno = error;
      break;
    }
    if (folder < 0) continue;
    Lock(folder);
    if (IsAt(path, folder)) return TemporaryFolder(std::move(path), folder);
    close(folder);
  }
  return NotMade(parent);
}

TemporaryFolder::TemporaryFolder(TemporaryFolder&& other) noexcept
    : path_(std::exchange(other.path_, "")), lock_(std::exchange(other.lock_, -1)) {}

TemporaryFolder& TemporaryFolder::operator=(TemporaryFolder&& other) noexcept {
  if (this != &other) {
    Remove();
    path_ = std::exchange(other.path_, "");
    lock_ = std::exchange(other.lock_, -1);
  }
  return *this;
}

TemporaryFolder::~TemporaryFolder() { Remove(); }

void TemporaryFolder::Remove() {
  if (path_.empty()) return;
  RemoveTree(path_);
  close(lock_);
}

}  // namespace deps
