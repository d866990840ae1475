#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "lib/diag/diagnostic.h"
#include "lib/template/template.h"

// Parts lie in the text, one behind the other; an error lies in it too.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace deps;  // NOLINT: one function.
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const absl::StatusOr<std::vector<TemplatePart>> parts = ParseTemplate(text);
  if (!parts.ok()) {
    const int column = DiagnosticsOf(parts.status())[0].location.column;
    if (column < 1 || static_cast<size_t>(column) > size) std::abort();
  } else {
    size_t next = 0;
    for (const TemplatePart& part : *parts) {
      if (part.offset < next || text.find(part.text, part.offset) == std::string_view::npos) {
        std::abort();
      }
      next = part.offset + part.text.size();
    }
  }
  for (const TemplatePart& part : FindDependencyOutputs(text)) {
    if (part.alias.empty() || part.name.empty() || part.offset >= size) std::abort();
  }
  return 0;
}
