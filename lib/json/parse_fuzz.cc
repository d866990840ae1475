#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "lib/diag/diagnostic.h"
#include "lib/json/explain.h"
#include "lib/json/json.h"
#include "lib/json/scanner.h"

// What is read can be written in every form, and reads as the same again. What
// is refused, the other parser refuses too, and the scanner agrees with both.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace deps;  // NOLINT: one function.
  const Source source{"f", std::string(reinterpret_cast<const char*>(data), size)};
  const absl::StatusOr<json::Value> value = json::Parse(source);
  json::Scanner scanner(source.text);
  const bool skipped = scanner.Skip() && scanner.AtEnd();
  if (skipped != value.ok()) std::abort();
  const std::string_view unexplained = "the text is no JSON";
  const bool explained = DiagnosticsOf(json::Explain(source, {}))[0].message != unexplained;
  if (explained == value.ok()) std::abort();
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
