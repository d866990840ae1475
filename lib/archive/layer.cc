#include "lib/archive/layer.h"

#include <archive.h>
#include <archive_entry.h>
#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <memory>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "lib/archive/gunzip.h"
#include "lib/base/status_macros.h"
#include "lib/diag/diagnostic.h"

namespace deps {
namespace {

constexpr std::string_view kWhiteout = ".wh.";
constexpr std::string_view kOpaque = ".wh..wh..opq";
constexpr size_t kMaxName = 4096;
constexpr std::string_view kGzipMagic = "\x1f\x8b";
constexpr std::string_view kZstdMagic = "\x28\xb5\x2f\xfd";

// Closes a descriptor with itself.
class Fd {
 public:
  explicit Fd(int fd) : fd_(fd) {}
  ~Fd() {
    if (fd_ >= 0) close(fd_);
  }
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

// Opens `path` as if `root` were "/", for links that lie on the way too.
int OpenIn(int root, const std::string& path, uint64_t flags) {
  open_how how = {};
  how.flags = flags | O_CLOEXEC;
  how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
  return static_cast<int>(
      syscall(SYS_openat2, root, path.empty() ? "." : path.c_str(), &how, sizeof(how)));
}

// Removes what is at `name`, with all below it; links are not followed.
absl::Status RemoveAt(int folder, const std::string& name) {
  if (unlinkat(folder, name.c_str(), 0) == 0 || errno == ENOENT) return absl::OkStatus();
  const auto failed = [&] {
    return MakeError({.id = DiagnosticId::kFileWrite,
                      .message = absl::StrCat("cannot remove '", name, "': ", strerror(errno))});
  };
  if (errno != EISDIR && errno != EPERM) return failed();
  const int below = openat(folder, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (below < 0) return failed();
  DIR* const entries = fdopendir(below);
  if (entries == nullptr) {
    close(below);
    return failed();
  }
  const absl::Cleanup closer = [entries] { closedir(entries); };
  while (const dirent* entry = readdir(entries)) {
    const std::string_view child = entry->d_name;
    if (child == "." || child == "..") continue;
    DEPS_RETURN_IF_ERROR(RemoveAt(below, std::string(child)));
  }
  if (unlinkat(folder, name.c_str(), AT_REMOVEDIR) != 0) return failed();
  return absl::OkStatus();
}

// The bytes of a tar file, inflated where they are compressed.
class LayerBytes {
 public:
  static absl::StatusOr<std::unique_ptr<LayerBytes>> Open(const std::string& path,
                                                          int64_t max_bytes) {
    auto bytes = std::make_unique<LayerBytes>();
    const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
      return MakeError(
          {.id = errno == ENOENT ? DiagnosticId::kFileNotFound : DiagnosticId::kFileRead,
           .message = strerror(errno),
           .location = {.file = path}});
    }
    bytes->fd_ = fd;
    bytes->left_ = max_bytes;
    std::array<char, kZstdMagic.size()> magic = {};
    const ssize_t count = pread(fd, magic.data(), magic.size(), 0);
    const std::string_view begin(magic.data(), count > 0 ? static_cast<size_t>(count) : 0);
    if (absl::StartsWith(begin, kGzipMagic)) {
      DEPS_ASSIGN_OR_RETURN(bytes->gunzip_, Gunzip::Open(path, max_bytes));
    } else if (begin == kZstdMagic) {
      DEPS_RETURN_IF_ERROR(bytes->OpenZstd());
    }
    return bytes;
  }
  ~LayerBytes() {
    if (zstd_ != nullptr) archive_read_free(zstd_);
    if (fd_ >= 0) close(fd_);
  }

  // As Gunzip::Next.
  absl::StatusOr<std::string_view> Next() {
    if (gunzip_ != nullptr) return gunzip_->Next();
    const ssize_t count = zstd_ != nullptr
                              ? archive_read_data(zstd_, buffer_.data(), buffer_.size())
                              : read(fd_, buffer_.data(), buffer_.size());
    if (count < 0 && zstd_ != nullptr) return ZstdError();
    if (count < 0) return MakeError({.id = DiagnosticId::kFileRead, .message = strerror(errno)});
    left_ -= count;
    if (left_ >= 0) return std::string_view(buffer_.data(), static_cast<size_t>(count));
    return MakeError({.id = DiagnosticId::kArchiveInvalid, .message = "the layer is too large"});
  }

 private:
  absl::Status OpenZstd() {
    zstd_ = archive_read_new();
    archive_read_support_filter_zstd(zstd_);
    archive_read_support_format_raw(zstd_);
    archive_entry* entry = nullptr;
    const bool good = archive_read_open_fd(zstd_, fd_, buffer_.size()) == ARCHIVE_OK &&
                      archive_read_next_header(zstd_, &entry) == ARCHIVE_OK;
    return good ? absl::OkStatus() : ZstdError();
  }
  absl::Status ZstdError() const {
    const char* const text = archive_error_string(zstd_);
    return MakeError({.id = DiagnosticId::kArchiveInvalid,
                      .message = text != nullptr ? text : "the zstd data is damaged"});
  }

  std::unique_ptr<Gunzip> gunzip_;
  archive* zstd_ = nullptr;
  int fd_ = -1;
  int64_t left_ = 0;
  std::array<char, size_t{64} << 10> buffer_;
};

class Unpacker {
 public:
  Unpacker(LayerBytes* bytes, int root, const LayerLimits& limits)
      : bytes_(bytes), root_(root), limits_(limits) {}

  absl::Status Unpack();

 private:
  static la_ssize_t Supply(archive* tar, void* unpacker, const void** bytes);
  absl::Status TarError(archive* tar) const;
  absl::Status Invalid(std::string_view reason) const {
    return MakeError({.id = DiagnosticId::kArchiveInvalid,
                      .message = absl::StrCat("member '", name_, "': ", reason)});
  }
  absl::Status Failed(std::string_view what) const {
    return MakeError(
        {.id = DiagnosticId::kFileWrite,
         .message = absl::StrCat("member '", name_, "': ", what, ": ", strerror(errno))});
  }
  absl::Status TakeName(archive_entry* entry);
  absl::StatusOr<int> OpenParent();
  absl::Status Place(archive* tar, archive_entry* entry);
  absl::Status PlaceFile(archive* tar, int parent);
  absl::Status PlaceFolder(int parent);
  absl::Status PlaceLink(archive_entry* entry, int parent);
  absl::Status SetAttributes(archive_entry* entry, int parent) const;
  absl::Status SetExtended(archive_entry* entry, int parent, const std::string& at) const;
  absl::Status ClearLower(int parent);

  LayerBytes* const bytes_;
  const int root_;
  const LayerLimits& limits_;
  absl::Status supply_status_;
  std::string name_;    // In its shortest form: "usr/bin/env"; "" is the root.
  std::string folder_;  // Of the name: "usr/bin".
  std::string last_;    // Of the name: "env".
  // What this layer has brought: an opaque folder keeps it.
  std::set<std::string> mine_;
};

la_ssize_t Unpacker::Supply(archive* tar, void* unpacker, const void** bytes) {
  Unpacker& self = *static_cast<Unpacker*>(unpacker);
  const absl::StatusOr<std::string_view> next = self.bytes_->Next();
  if (!next.ok()) {
    self.supply_status_ = next.status();
    archive_set_error(tar, EIO, "unreadable");
    return ARCHIVE_FATAL;
  }
  *bytes = next->data();
  return static_cast<la_ssize_t>(next->size());
}

absl::Status Unpacker::TarError(archive* tar) const {
  if (!supply_status_.ok()) return supply_status_;
  const char* const text = archive_error_string(tar);
  return MakeError({.id = DiagnosticId::kArchiveInvalid,
                    .message = text != nullptr ? text : "the tar data is damaged"});
}

absl::Status Unpacker::TakeName(archive_entry* entry) {
  const char* const pathname = archive_entry_pathname(entry);
  name_ = pathname == nullptr ? "" : pathname;
  if (pathname == nullptr) return Invalid("its name is no text");
  if (name_.size() > kMaxName) return Invalid("its name is too long");
  std::vector<std::string_view> steps;
  for (const std::string_view step : absl::StrSplit(std::string_view(pathname), '/')) {
    if (step.empty() || step == ".") continue;
    if (step == "..") return Invalid("its name leaves the layer");
    steps.push_back(step);
  }
  last_ = steps.empty() ? "" : std::string(steps.back());
  folder_.clear();
  for (size_t i = 0; i + 1 < steps.size(); ++i) {
    absl::StrAppend(&folder_, i > 0 ? "/" : "", steps[i]);
  }
  name_ = folder_.empty() ? last_ : absl::StrCat(folder_, "/", last_);
  return absl::OkStatus();
}

// The folder that the member lies in; made where a layer leaves it out.
absl::StatusOr<int> Unpacker::OpenParent() {
  const int parent = OpenIn(root_, folder_, O_PATH | O_DIRECTORY);
  if (parent >= 0 || errno != ENOENT) {
    if (parent < 0) return Failed("its folder");
    return parent;
  }
  std::string path;
  for (const std::string_view step : absl::StrSplit(folder_, '/')) {
    const Fd above(OpenIn(root_, path, O_PATH | O_DIRECTORY));
    if (above.get() < 0) return Failed("its folder");
    if (mkdirat(above.get(), std::string(step).c_str(), 0755) != 0 && errno != EEXIST) {
      return Failed("its folder");
    }
    absl::StrAppend(&path, path.empty() ? "" : "/", step);
  }
  const int made = OpenIn(root_, folder_, O_PATH | O_DIRECTORY);
  if (made < 0) return Failed("its folder");
  return made;
}

absl::Status Unpacker::ClearLower(int parent) {
  // Read to its end first: what is removed would disturb the reading.
  std::vector<std::string> names;
  const int fd = openat(parent, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR* const entries = fd < 0 ? nullptr : fdopendir(fd);
  if (entries == nullptr) return Failed("its folder");
  while (const dirent* entry = readdir(entries)) names.emplace_back(entry->d_name);
  closedir(entries);
  for (const std::string& name : names) {
    const std::string whole = folder_.empty() ? name : absl::StrCat(folder_, "/", name);
    if (name == "." || name == ".." || mine_.count(whole) > 0) continue;
    DEPS_RETURN_IF_ERROR(RemoveAt(parent, name));
  }
  return absl::OkStatus();
}

absl::Status Unpacker::PlaceFile(archive* tar, int parent) {
  DEPS_RETURN_IF_ERROR(RemoveAt(parent, last_));
  const Fd file(
      openat(parent, last_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (file.get() < 0) return Failed("it cannot be made");
  const void* data = nullptr;
  size_t size = 0;
  la_int64_t offset = 0;
  la_int64_t end = 0;
  while (true) {
    const int result = archive_read_data_block(tar, &data, &size, &offset);
    if (result == ARCHIVE_EOF) break;
    if (result != ARCHIVE_OK) return TarError(tar);
    std::string_view rest(static_cast<const char*>(data), size);
    // A sparse file's holes count as well.
    end = offset + static_cast<la_int64_t>(size);
    if (end > limits_.inflated_bytes) return Invalid("it is too large");
    while (!rest.empty()) {
      const ssize_t count = pwrite(file.get(), rest.data(), rest.size(), offset);
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return Failed("it cannot be written");
      rest.remove_prefix(static_cast<size_t>(count));
      offset += count;
    }
  }
  return absl::OkStatus();
}

absl::Status Unpacker::PlaceFolder(int parent) {
  if (mkdirat(parent, last_.c_str(), 0700) == 0) return absl::OkStatus();
  struct stat info = {};
  if (errno == EEXIST && fstatat(parent, last_.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0 &&
      S_ISDIR(info.st_mode)) {
    return absl::OkStatus();
  }
  DEPS_RETURN_IF_ERROR(RemoveAt(parent, last_));
  if (mkdirat(parent, last_.c_str(), 0700) != 0) return Failed("it cannot be made");
  return absl::OkStatus();
}

absl::Status Unpacker::PlaceLink(archive_entry* entry, int parent) {
  if (const char* const target = archive_entry_hardlink(entry)) {
    // The last step is not followed: a link to a link is a link.
    std::string_view path = target;
    while (absl::ConsumePrefix(&path, "/") || absl::ConsumePrefix(&path, "./")) {
    }
    const size_t slash = path.rfind('/');
    const std::string folder(slash == std::string_view::npos ? "" : path.substr(0, slash));
    const std::string last(slash == std::string_view::npos ? path : path.substr(slash + 1));
    const Fd from(OpenIn(root_, folder, O_PATH | O_DIRECTORY));
    if (from.get() < 0 || last.empty() || last == ".." || last == ".") {
      return Invalid("it is a link to nothing");
    }
    if (absl::StrCat(folder, folder.empty() ? "" : "/", last) == name_) return absl::OkStatus();
    DEPS_RETURN_IF_ERROR(RemoveAt(parent, last_));
    if (linkat(from.get(), last.c_str(), parent, last_.c_str(), 0) == 0) return absl::OkStatus();
    if (errno == ENOENT) return Invalid("it is a link to nothing");
    return Failed("it cannot be linked");
  }
  const char* const target = archive_entry_symlink(entry);
  if (target == nullptr) return Invalid("it is a link without a target");
  DEPS_RETURN_IF_ERROR(RemoveAt(parent, last_));
  if (symlinkat(target, parent, last_.c_str()) != 0) return Failed("it cannot be linked");
  return absl::OkStatus();
}

absl::Status Unpacker::SetAttributes(archive_entry* entry, int parent) const {
  if (archive_entry_hardlink(entry) != nullptr) return absl::OkStatus();
  const std::string at = last_.empty() ? "." : last_;
  if (geteuid() == 0 &&
      fchownat(parent, at.c_str(), static_cast<uid_t>(archive_entry_uid(entry)),
               static_cast<gid_t>(archive_entry_gid(entry)), AT_SYMLINK_NOFOLLOW) != 0) {
    return Failed("its owner");
  }
  // After the owner, whose change takes set-user-ID away.
  if (archive_entry_filetype(entry) != AE_IFLNK &&
      fchmodat(parent, at.c_str(), archive_entry_perm(entry), 0) != 0) {
    return Failed("its mode");
  }
  DEPS_RETURN_IF_ERROR(SetExtended(entry, parent, at));
  const timespec time = {.tv_sec = archive_entry_mtime(entry), .tv_nsec = 0};
  const timespec times[2] = {time, time};
  utimensat(parent, at.c_str(), times, AT_SYMLINK_NOFOLLOW);
  return absl::OkStatus();
}

absl::Status Unpacker::SetExtended(archive_entry* entry, int parent, const std::string& at) const {
  const mode_t type = archive_entry_filetype(entry);
  if ((type != AE_IFREG && type != AE_IFDIR) || archive_entry_xattr_reset(entry) == 0) {
    return absl::OkStatus();
  }
  const Fd file(openat(parent, at.c_str(), O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC));
  const char* name = nullptr;
  const void* value = nullptr;
  size_t size = 0;
  while (archive_entry_xattr_next(entry, &name, &value, &size) == ARCHIVE_OK) {
    const std::string_view text = name == nullptr ? "" : name;
    if (text != "security.capability" && !absl::StartsWith(text, "user.")) continue;
    if (file.get() >= 0 && fsetxattr(file.get(), name, value, size, 0) == 0) continue;
    // Not every user may give a program capabilities, and not every file system
    // holds attributes.
    if (errno != EPERM && errno != EACCES && errno != ENOTSUP) return Failed("its attributes");
  }
  return absl::OkStatus();
}

absl::Status Unpacker::Place(archive* tar, archive_entry* entry) {
  DEPS_RETURN_IF_ERROR(TakeName(entry));
  DEPS_ASSIGN_OR_RETURN(const int opened, OpenParent());
  const Fd parent(opened);
  if (last_ == kOpaque) return ClearLower(parent.get());
  if (absl::StartsWith(last_, kWhiteout)) {
    const std::string hidden = last_.substr(kWhiteout.size());
    if (hidden.empty() || hidden == "." || hidden == "..") return Invalid("it hides nothing");
    return RemoveAt(parent.get(), hidden);
  }
  const mode_t type = archive_entry_filetype(entry);
  if (last_.empty()) {
    return type == AE_IFDIR ? SetAttributes(entry, parent.get()) : Invalid("it has no name");
  }
  if (archive_entry_hardlink(entry) != nullptr || type == AE_IFLNK) {
    DEPS_RETURN_IF_ERROR(PlaceLink(entry, parent.get()));
  } else if (type == AE_IFREG) {
    DEPS_RETURN_IF_ERROR(PlaceFile(tar, parent.get()));
  } else if (type == AE_IFDIR) {
    DEPS_RETURN_IF_ERROR(PlaceFolder(parent.get()));
  } else if (type == AE_IFIFO) {
    DEPS_RETURN_IF_ERROR(RemoveAt(parent.get(), last_));
    if (mkfifoat(parent.get(), last_.c_str(), 0600) != 0) return Failed("it cannot be made");
  } else if (type == AE_IFCHR || type == AE_IFBLK) {
    return absl::OkStatus();
  } else {
    return Invalid("it is of an unknown kind");
  }
  // With each folder above it: those are this layer's too.
  for (std::string path = name_; !path.empty() && mine_.insert(path).second;) {
    const size_t slash = path.rfind('/');
    path.resize(slash == std::string::npos ? 0 : slash);
  }
  return SetAttributes(entry, parent.get());
}

absl::Status Unpacker::Unpack() {
  archive* const tar = archive_read_new();
  const absl::Cleanup free_tar = [tar] { archive_read_free(tar); };
  archive_read_support_filter_none(tar);
  archive_read_support_format_tar(tar);
  archive_read_support_format_empty(tar);
  if (archive_read_open(tar, this, nullptr, &Unpacker::Supply, nullptr) != ARCHIVE_OK) {
    return TarError(tar);
  }
  archive_entry* entry = nullptr;
  for (int64_t members = 0;; ++members) {
    const int result = archive_read_next_header(tar, &entry);
    if (result == ARCHIVE_EOF) break;
    // A warning is about what libarchive could not convert, such as a user's name.
    if (result != ARCHIVE_OK && result != ARCHIVE_WARN) return TarError(tar);
    if (members >= limits_.members) {
      return MakeError(
          {.id = DiagnosticId::kArchiveInvalid, .message = "the layer has too many members"});
    }
    DEPS_RETURN_IF_ERROR(Place(tar, entry));
  }
  // To the end, so that what is damaged behind the last member is noticed.
  while (true) {
    DEPS_ASSIGN_OR_RETURN(const std::string_view rest, bytes_->Next());
    if (rest.empty()) return absl::OkStatus();
  }
}

}  // namespace

absl::Status UnpackLayer(const std::string& path, const std::string& root,
                         const LayerLimits& limits) {
  const Fd folder(open(root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (folder.get() < 0) {
    return MakeError({.id = DiagnosticId::kFileNotFound,
                      .message = strerror(errno),
                      .location = {.file = root}});
  }
  DEPS_ASSIGN_OR_RETURN(const std::unique_ptr<LayerBytes> bytes,
                        LayerBytes::Open(path, limits.inflated_bytes));
  return WithFile(Unpacker(bytes.get(), folder.get(), limits).Unpack(), path);
}

}  // namespace deps
