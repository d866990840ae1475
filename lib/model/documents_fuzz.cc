#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "absl/status/statusor.h"
#include "lib/diag/source.h"
#include "lib/model/graph.h"
#include "lib/model/installation.h"
#include "lib/model/lock.h"
#include "lib/model/relocation.h"
#include "lib/model/workflow.h"

namespace deps {
namespace {

// What is read can be written, and reads as the same again.
template <typename Parse, typename Format>
void Check(const Source& source, Parse parse, Format format) {
  const auto document = parse(source);
  if (!document.ok()) return;
  const auto again = parse(Source{"again", format(*document)});
  if (!again.ok() || *again != *document) std::abort();
}

}  // namespace
}  // namespace deps

// The documents that have no fuzz test of their own.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace deps;  // NOLINT: one function.
  const Source source{"f", std::string(reinterpret_cast<const char*>(data), size)};
  Check(source, ParseLock, FormatLock);
  Check(source, ParseMapping, FormatMapping);
  Check(source, ParseSolution, [](const Graph& graph) { return FormatGraph(graph); });
  Check(source, ParseWorkflow, [](const Workflow& workflow) { return FormatWorkflow(workflow); });
  Check(source, ParseRelocation,
        [](const Relocation& relocation) { return FormatRelocation(relocation); });
  (void)ParseInstallations(source);
  return 0;
}
