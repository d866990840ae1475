#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "lib/diag/source.h"
#include "lib/json/json.h"
#include "lib/yaml/yaml.h"

// What is read is a JSON value: it can be written as one.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace deps;  // NOLINT: one function.
  const Source source{"f", std::string(reinterpret_cast<const char*>(data), size)};
  const absl::StatusOr<json::Value> value = yaml::Parse(source, {.nodes = 10000});
  if (!value.ok()) return 0;
  (void)json::Format(*value, json::Style::kCompact);
  return 0;
}
