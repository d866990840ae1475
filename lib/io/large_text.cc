#include "lib/io/large_text.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "lib/base/status_macros.h"
#include "lib/diag/diagnostic.h"
#include "lib/io/file.h"
#include "lib/io/write_all.h"

namespace deps {
namespace {

constexpr size_t kMostInMemory = size_t{4} << 20;

absl::Status NoRoom(int error) {
  return MakeError(
      {.id = DiagnosticId::kFileWrite,
       .message = absl::StrCat("a large input finds no room here: ", std::strerror(error)),
       .location = {.file = TemporaryParent()},
       .hint = "set TMPDIR to a folder that can be written and has room"});
}

// -1 and errno where there is none.
int OpenWithoutName() {
  std::string path = absl::StrCat(TemporaryParent(), "/cnab-deps-XXXXXX");
  const int fd = mkostemp(path.data(), O_CLOEXEC);
  if (fd >= 0) unlink(path.c_str());
  return fd;
}

}  // namespace

LargeText::LargeText(LargeText&& other) noexcept { *this = std::move(other); }

LargeText& LargeText::operator=(LargeText&& other) noexcept {
  if (this == &other) return *this;
  Free();
  name_ = std::move(other.name_);
  start_ = std::move(other.start_);
  fd_ = std::exchange(other.fd_, -1);
  pages_ = std::exchange(other.pages_, nullptr);
  size_ = std::exchange(other.size_, 0);
  return *this;
}

LargeText::~LargeText() { Free(); }

void LargeText::Free() {
  if (pages_ != nullptr) munmap(pages_, size_);
  if (fd_ >= 0) close(fd_);
}

absl::Status LargeText::Append(std::string_view piece) {
  if (fd_ < 0 && start_.size() + piece.size() <= kMostInMemory) {
    start_.append(piece);
    return absl::OkStatus();
  }
  if (fd_ < 0) {
    fd_ = OpenWithoutName();
    if (fd_ < 0) return NoRoom(errno);
    const std::string start = std::exchange(start_, "");
    DEPS_RETURN_IF_ERROR(Append(start));
  }
  if (const int error = WriteAll(fd_, piece); error != 0) return NoRoom(error);
  size_ += piece.size();
  return absl::OkStatus();
}

absl::Status LargeText::Seal() {
  if (fd_ < 0) return absl::OkStatus();
  void* const pages = mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, fd_, 0);
  if (pages == MAP_FAILED) {
    return MakeError({.id = DiagnosticId::kFileRead,
                      .message = absl::StrCat("cannot be read: ", std::strerror(errno)),
                      .location = {.file = name_}});
  }
  pages_ = pages;
  return absl::OkStatus();
}

std::string_view LargeText::view() const {
  if (pages_ == nullptr) return start_;
  return {static_cast<const char*>(pages_), size_};
}

void LargeText::LetGo(size_t offset) const {
  const auto page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  // Where the advice is not taken, memory is used and nothing else changes.
  if (pages_ != nullptr) madvise(pages_, offset / page * page, MADV_DONTNEED);
}

}  // namespace deps
