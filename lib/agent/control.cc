#include "lib/agent/control.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "lib/base/status_macros.h"
#include "lib/diag/diagnostic.h"

namespace deps {
namespace {

constexpr std::string_view kTruncated = "\n[deps-agent: more was printed than is kept here]\n";

absl::Status Trouble(std::string_view file, std::string_view why) {
  return MakeError(
      {.id = DiagnosticId::kRunDriver, .message = absl::StrCat("'", file, "' of the task: ", why)});
}

absl::Status WriteNew(const std::string& path, std::string_view text) {
  const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
  if (fd < 0) return Trouble(path, strerror(errno));
  const absl::Cleanup closer = [fd] { close(fd); };
  if (write(fd, text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
    return Trouble(path, strerror(errno));
  }
  return absl::OkStatus();
}

// A regular file, or -1: the run tool may have put anything there.
int OpenRegular(const std::string& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  struct stat info = {};
  if (fd < 0 || (fstat(fd, &info) == 0 && S_ISREG(info.st_mode))) return fd;
  close(fd);
  errno = EINVAL;
  return -1;
}

}  // namespace

StartMark::~StartMark() {
  if (fd_ >= 0) close(fd_);
}

absl::StatusOr<StartMark> MarkStarted(const std::string& control) {
  const std::string path = absl::StrCat(control, "/started");
  std::string part = absl::StrCat(path, ".XXXXXX");
  const int fd = mkostemp(part.data(), O_CLOEXEC);
  if (fd < 0) return Trouble(path, strerror(errno));
  StartMark mark(fd);
  // The file is never there without its lock. Whoever asks may be another user.
  const std::string text = absl::StrCat(getpid(), "\n");
  if (flock(fd, LOCK_EX | LOCK_NB) == 0 && fchmod(fd, 0644) == 0 &&
      write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()) &&
      renameat2(AT_FDCWD, part.c_str(), AT_FDCWD, path.c_str(), RENAME_NOREPLACE) == 0) {
    return mark;
  }
  const int error = errno;
  unlink(part.c_str());
  if (error != EEXIST) return Trouble(path, strerror(error));
  return MakeError({.id = DiagnosticId::kRunBusy,
                    .message = "this task was started before; it is not started twice"});
}

bool KeepFromStarting(const std::string& control) {
  const std::string path = absl::StrCat(control, "/started");
  const int made = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
  const int fd = made >= 0 ? made : OpenRegular(path);
  if (fd < 0) return false;
  const absl::Cleanup closer = [fd] { close(fd); };
  struct stat info = {};
  return fstat(fd, &info) == 0 && info.st_size == 0;
}

bool AgentLives(const std::string& control) {
  const int fd = OpenRegular(absl::StrCat(control, "/started"));
  if (fd < 0) return false;
  const absl::Cleanup closer = [fd] { close(fd); };
  return flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
}

absl::Status LeaveExit(const std::string& control, int exit_code) {
  const std::string path = absl::StrCat(control, "/exit");
  const std::string part = absl::StrCat(path, ".part");
  unlink(part.c_str());
  DEPS_RETURN_IF_ERROR(WriteNew(part, absl::StrCat(exit_code, "\n")));
  if (rename(part.c_str(), path.c_str()) == 0) return absl::OkStatus();
  return Trouble(path, strerror(errno));
}

absl::StatusOr<std::optional<int>> ReadExit(const std::string& control) {
  const std::string path = absl::StrCat(control, "/exit");
  const int fd = OpenRegular(path);
  if (fd < 0 && errno == ENOENT) return std::nullopt;
  if (fd < 0) return Trouble(path, strerror(errno));
  const absl::Cleanup closer = [fd] { close(fd); };
  std::array<char, 16> text;
  const ssize_t size = read(fd, text.data(), text.size());
  int exit_code = -1;
  if (size <= 0 ||
      !absl::SimpleAtoi(std::string_view(text.data(), static_cast<size_t>(size)), &exit_code)) {
    return Trouble(path, "no exit status");
  }
  if (exit_code < 0 || exit_code > 255) return Trouble(path, "no exit status");
  return exit_code;
}

ControlLog::ControlLog(const std::string& control) {
  if (control.empty()) return;
  fd_ = open(absl::StrCat(control, "/log").c_str(),
             O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
}

ControlLog::~ControlLog() {
  if (fd_ >= 0) close(fd_);
}

void ControlLog::Write(std::string_view text) {
  if (fd_ < 0 || left_ == 0) return;
  const auto put = [this](std::string_view rest) {
    while (!rest.empty()) {
      const ssize_t count = write(fd_, rest.data(), rest.size());
      if (count < 0 && errno == EINTR) continue;
      if (count <= 0) return;
      rest.remove_prefix(static_cast<size_t>(count));
    }
  };
  put(text.substr(0, left_));
  if (text.size() >= left_) put(kTruncated);
  left_ -= std::min(left_, text.size());
}

ControlLogReader::~ControlLogReader() {
  if (fd_ >= 0) close(fd_);
}

std::string ControlLogReader::Next() {
  if (fd_ < 0) fd_ = OpenRegular(absl::StrCat(control_, "/log"));
  if (fd_ < 0 || read_ > kMaxControlLog + kTruncated.size()) return "";
  std::string text(size_t{64} << 10, '\0');
  const ssize_t size = read(fd_, text.data(), text.size());
  text.resize(size > 0 ? static_cast<size_t>(size) : 0);
  read_ += text.size();
  return text;
}

}  // namespace deps
