#ifndef DEPS_LIB_IO_WRITE_ALL_H_
#define DEPS_LIB_IO_WRITE_ALL_H_

#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <string_view>

namespace deps {

// 0, or the errno of the write that failed.
inline int WriteAll(int fd, std::string_view content) {
  while (!content.empty()) {
    const ssize_t written = write(fd, content.data(), content.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return errno;
    content.remove_prefix(static_cast<size_t>(written));
  }
  return 0;
}

}  // namespace deps

#endif  // DEPS_LIB_IO_WRITE_ALL_H_
