#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "absl/status/statusor.h"
#include "lib/semver/semver.h"

// The first line is a range, the others are versions: what is read is ordered
// consistently and reads as the same again.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace deps;  // NOLINT: one function.
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  const auto take_line = [&rest] {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(line.size() < rest.size() ? line.size() + 1 : line.size());
    return line;
  };
  const absl::StatusOr<Range> range = Range::Parse(take_line());
  Version last;
  while (!rest.empty()) {
    const std::string_view line = take_line();
    const absl::StatusOr<Version> version = Version::Parse(line);
    const auto tag = ParseVersionTag(line);
    if (version.ok() && !tag && line.size() < 128) std::abort();
    if (!version.ok()) continue;
    const absl::StatusOr<Version> again = Version::Parse(version->ToString());
    if (again.ok() ? !(*again == *version) : version->ToString().size() <= 256) std::abort();
    if ((*version < last) != (last > *version) || (*version == last) != (last == *version)) {
      std::abort();
    }
    if (range.ok() && range->Contains(*version) && !range->Contains(*version, true)) std::abort();
    last = *version;
  }
  return 0;
}
