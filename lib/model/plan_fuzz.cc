#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "lib/io/large_text.h"
#include "lib/model/plan.h"
#include "lib/model/plan_reader.h"

using namespace deps;  // NOLINT: one function and its part.

// As ParsePlan, a task at a time.
static absl::StatusOr<Plan> ReadInParts(const std::string& text) {
  LargeText large("f");
  if (!large.Append(text).ok() || !large.Seal().ok()) std::abort();
  const absl::StatusOr<PlanReader> reader = PlanReader::Open(std::move(large));
  if (!reader.ok()) return reader.status();
  return reader->Whole();
}

// What is read can be written, and reads as the same again; as a whole and in parts.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  const absl::StatusOr<Plan> plan = ParsePlan({"f", text});
  if (ReadInParts(text) != plan) std::abort();
  if (!plan.ok()) return 0;
  const absl::StatusOr<Plan> again = ParsePlan({"again", FormatPlan(*plan)});
  if (!again.ok() || *again != *plan) std::abort();
  return 0;
}
