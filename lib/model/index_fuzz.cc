#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "lib/diag/source.h"
#include "lib/model/index.h"

// Both readers take the same, and what is read can be written.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace deps;  // NOLINT: one function.
  const Source source{"f", std::string(reinterpret_cast<const char*>(data), size)};
  const absl::StatusOr<std::vector<IndexEntry>> entries = ReadIndex(source);
  const absl::StatusOr<Index> index = ParseIndex(source);
  if (entries.ok() != index.ok()) std::abort();
  if (!index.ok()) return 0;
  if (entries->size() != index->bundles.size()) std::abort();
  const absl::StatusOr<Index> again = ParseIndex({"again", FormatIndex(*index)});
  if (!again.ok() || *again != *index) std::abort();
  return 0;
}
