#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "absl/status/statusor.h"
#include "lib/bundle/read.h"
#include "lib/diag/source.h"
#include "lib/model/bundle.h"

// Whatever the bytes are, they are read or refused; reading twice gives the same.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace deps;  // NOLINT: one function.
  const Source source{"f", std::string(reinterpret_cast<const char*>(data), size)};
  using Read = absl::StatusOr<BundleDefinition> (*)(const Source&);
  for (const Read read : {Read{ReadBundleJson}, Read{ReadPorterYaml}}) {
    const absl::StatusOr<BundleDefinition> first = read(source);
    const absl::StatusOr<BundleDefinition> second = read(source);
    if (first.ok() != second.ok() || (first.ok() && *first != *second)) std::abort();
  }
  return 0;
}
