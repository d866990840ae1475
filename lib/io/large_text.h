// A text that may be too large to be kept in memory.
#ifndef DEPS_LIB_IO_LARGE_TEXT_H_
#define DEPS_LIB_IO_LARGE_TEXT_H_

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/status.h"

namespace deps {

// Collects a text piece by piece, then shows it as a whole. Beyond 4 MiB it
// lies in a file without a name below $TMPDIR or /tmp, and only those of its pages
// are in memory that were looked at and not let go. Nobody else has that file, so
// the text stays what it is.
//
//   LargeText text("plan.json");
//   DEPS_RETURN_IF_ERROR(text.Append(piece)); …
//   DEPS_RETURN_IF_ERROR(text.Seal());
//   Use(text.view());
class LargeText {
 public:
  explicit LargeText(std::string name) : name_(std::move(name)) {}
  LargeText(LargeText&& other) noexcept;
  LargeText& operator=(LargeText&& other) noexcept;
  ~LargeText();

  // Errors: file-write where there is no room for the file.
  absl::Status Append(std::string_view piece);
  // Once, after the last piece. Errors: file-read.
  absl::Status Seal();

  const std::string& name() const { return name_; }  // As Source::name.
  // The whole. Valid until this object moves or goes.
  std::string_view view() const;
  // What lies before `offset` need not stay in memory; it can be read again.
  void LetGo(size_t offset) const;

 private:
  void Free();

  std::string name_;
  std::string start_;  // All of it, where there is no file.
  int fd_ = -1;
  void* pages_ = nullptr;
  size_t size_ = 0;  // Of the file.
};

}  // namespace deps

#endif  // DEPS_LIB_IO_LARGE_TEXT_H_
