#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "absl/status/statusor.h"
#include "lib/json/json.h"

// What is read can be written in every form, and reads as the same again.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace deps;  // NOLINT: one function.
  const Source source{"f", std::string(reinterpret_cast<const char*>(data), size)};
  const absl::StatusOr<json::Value> value = json::Parse(source);
  if (!value.ok()) return 0;
  const std::string canonical = json::Canonical(*value);
  for (const std::string& text :
       {json::Format(*value, json::Style::kPretty), json::Format(*value, json::Style::kCompact),
        json::FormatLikeGo(*value), canonical}) {
    const absl::StatusOr<json::Value> again = json::Parse({"again", text});
    if (!again.ok() || json::Canonical(*again) != canonical) std::abort();
  }
  return 0;
}
