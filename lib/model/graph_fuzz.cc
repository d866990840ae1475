#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "absl/status/statusor.h"
#include "lib/model/graph.h"

// What is read can be written, and reads as the same again.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace deps;  // NOLINT: one function.
  const std::string text(reinterpret_cast<const char*>(data), size);
  const absl::StatusOr<Graph> graph = ParseGraph({"f", text});
  if (!graph.ok()) return 0;
  const absl::StatusOr<Graph> again = ParseGraph({"again", FormatGraph(*graph)});
  if (!again.ok() || *again != *graph) std::abort();
  return 0;
}
