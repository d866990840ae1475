#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "absl/status/statusor.h"
#include "lib/model/plan.h"

// What is read can be written, and reads as the same again.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace deps;  // NOLINT: one function.
  const std::string text(reinterpret_cast<const char*>(data), size);
  const absl::StatusOr<Plan> plan = ParsePlan({"f", text});
  if (!plan.ok()) return 0;
  const absl::StatusOr<Plan> again = ParsePlan({"again", FormatPlan(*plan)});
  if (!again.ok() || *again != *plan) std::abort();
  return 0;
}
