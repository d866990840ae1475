// Bytes that compress not at all, or well. For tests.
#ifndef DEPS_LIB_ARCHIVE_BYTES_FOR_TESTS_H_
#define DEPS_LIB_ARCHIVE_BYTES_FOR_TESTS_H_

#include <cstddef>
#include <random>
#include <string>

#include "absl/strings/str_cat.h"

namespace deps {

// The same for the same size.
inline std::string RandomBytes(size_t size) {
  std::mt19937 engine(static_cast<unsigned>(size));
  std::string bytes;
  while (bytes.size() < size) bytes.push_back(static_cast<char>(engine()));
  return bytes;
}

inline std::string Words(size_t size) {
  std::string bytes;
  for (int i = 0; bytes.size() < size; ++i) absl::StrAppend(&bytes, "word ", i % 977, " and ");
  bytes.resize(size);
  return bytes;
}

}  // namespace deps

#endif  // DEPS_LIB_ARCHIVE_BYTES_FOR_TESTS_H_
