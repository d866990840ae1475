#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "lib/oci/reference.h"

// However a reference is spelled, each of its own spellings is the same again.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace deps;  // NOLINT: one function.
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const absl::StatusOr<Reference> reference = Reference::Parse(text);
  if (!reference.ok()) return 0;
  for (const std::string& spelling : {reference->Full(), reference->Familiar()}) {
    const absl::StatusOr<Reference> again = Reference::Parse(spelling);
    if (!again.ok() || !(*again == *reference)) std::abort();
  }
  return 0;
}
