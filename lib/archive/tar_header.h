// Headers of tar files, byte for byte as Go's archive/tar writes them, so that an
// archive is the one that Porter would have written.
//
// Source: Go 1.21, archive/tar, Writer.WriteHeader; POSIX.1-2001, pax.
#ifndef DEPS_LIB_ARCHIVE_TAR_HEADER_H_
#define DEPS_LIB_ARCHIVE_TAR_HEADER_H_

#include <cstdint>
#include <string>
#include <string_view>

namespace deps {

inline constexpr int64_t kTarBlock = 512;

// Of a file with mode 0644, or of a folder, with 0755, whose name ends in "/";
// without owner, and from the beginning of time. `name` is ASCII. Names over 100
// bytes that cannot be parted, and sizes from 8 GiB on, are told in the form of
// pax: then it is three blocks or more, else one.
std::string TarHeader(std::string_view name, bool is_folder, int64_t size);

// What follows `size` bytes to the end of their last block.
std::string TarPadding(int64_t size);

}  // namespace deps

#endif  // DEPS_LIB_ARCHIVE_TAR_HEADER_H_
