// Challenges come from whoever answers as a registry.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "lib/oci/challenge.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto challenges =
      deps::ParseChallenges(std::string_view(reinterpret_cast<const char*>(data), size));
  if (challenges.size() > 16) __builtin_trap();
  for (const deps::Challenge& challenge : challenges) {
    if (challenge.scheme.empty() || challenge.params.size() > 32) __builtin_trap();
  }
  return 0;
}
