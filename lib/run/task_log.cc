#include "lib/run/task_log.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "lib/state/open_store.h"

namespace deps {
namespace {

constexpr size_t kMaxHead = size_t{15} << 20;
constexpr size_t kMaxEnd = size_t{1} << 20;

}  // namespace

TaskLog::TaskLog(std::string path, bool append) : path_(std::move(path)), append_(append) {}

TaskLog::~TaskLog() {
  Put(redactor_.Finish());
  if (left_out_ > 0) {
    Append(absl::StrCat("\n[deps-run: ", left_out_, " bytes were left out here]\n"));
  }
  Append(end_);
  if (fd_ >= 0) close(fd_);
}

void TaskLog::Write(std::string_view text) { Put(redactor_.Write(text)); }

void TaskLog::Put(std::string_view text) {
  const std::string_view head = text.substr(0, kMaxHead - head_);
  head_ += head.size();
  Append(head);
  text.remove_prefix(head.size());
  if (text.empty()) return;
  end_ += text;
  // Not with each write: the text is moved.
  if (end_.size() <= 2 * kMaxEnd) return;
  left_out_ += end_.size() - kMaxEnd;
  end_.erase(0, end_.size() - kMaxEnd);
}

void TaskLog::Append(std::string_view text) {
  if (text.empty() || failed_) return;
  if (fd_ < 0) Open();
  while (!failed_ && !text.empty()) {
    const ssize_t count = write(fd_, text.data(), text.size());
    if (count < 0 && errno != EINTR) failed_ = true;
    if (count > 0) text.remove_prefix(static_cast<size_t>(count));
  }
}

void TaskLog::Open() {
  const int flags = O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC | (append_ ? O_APPEND : O_TRUNC);
  fd_ = open(path_.c_str(), flags, 0600);
  if (fd_ < 0 && errno == ENOENT && MakeFolders(path_.substr(0, path_.rfind('/'))).ok()) {
    fd_ = open(path_.c_str(), flags, 0600);
  }
  failed_ = fd_ < 0;
}

}  // namespace deps
