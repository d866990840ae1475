#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "lib/diag/diagnostic.h"
#include "lib/io/file.h"

namespace deps {
namespace {

// What cannot be removed stays for the system to clean: a destructor has nobody
// to tell, and the work in the folder is done.
void RemoveTree(const std::string& path) {
  if (path.empty()) return;
  std::error_code ignored;
  std::filesystem::remove_all(path, ignored);
}

}  // namespace

std::string TemporaryParent() {
  const char* const configured = std::getenv("TMPDIR");
  return configured != nullptr && *configured != '\0' ? configured : "/tmp";
}

absl::StatusOr<TemporaryFolder> TemporaryFolder::Create(std::string_view prefix) {
  const std::string parent = TemporaryParent();
  std::string path = absl::StrCat(parent, "/", prefix, "XXXXXX");
  if (mkdtemp(path.data()) == nullptr) {
    return MakeError(
        {.id = DiagnosticId::kFileWrite,
         .message = absl::StrCat("no temporary folder can be made here: ", std::strerror(errno)),
         .location = {.file = parent},
         .hint = "set TMPDIR to a folder that can be written"});
  }
  return TemporaryFolder(std::move(path));
}

TemporaryFolder::TemporaryFolder(TemporaryFolder&& other) noexcept
    : path_(std::exchange(other.path_, "")) {}

TemporaryFolder& TemporaryFolder::operator=(TemporaryFolder&& other) noexcept {
  if (this != &other) {
    RemoveTree(path_);
    path_ = std::exchange(other.path_, "");
  }
  return *this;
}

TemporaryFolder::~TemporaryFolder() { RemoveTree(path_); }

}  // namespace deps
