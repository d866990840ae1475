// Manifests come from registries and layouts; whatever is read is safe to use as
// a path or an amount.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "lib/diag/source.h"
#include "lib/digest/sha256.h"
#include "lib/oci/manifest.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const deps::Source source = {.text = std::string(reinterpret_cast<const char*>(data), size)};
  for (const std::string_view type : {deps::kOciManifest, deps::kOciIndex}) {
    const auto content = deps::ParseManifest(source, type);
    if (!content.ok()) continue;
    for (const std::vector<deps::Descriptor>* list : {&content->manifests, &content->blobs}) {
      for (const deps::Descriptor& descriptor : *list) {
        if (!deps::IsValidDigest(descriptor.digest) || descriptor.size < 0) __builtin_trap();
      }
    }
  }
  return 0;
}
