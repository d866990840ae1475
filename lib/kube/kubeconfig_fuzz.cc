#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "lib/io/file.h"
#include "lib/kube/kubeconfig.h"

// Whatever a kubeconfig holds, reading it ends with a context or an error.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace deps;  // NOLINT: one function.
  static const TemporaryFolder& folder = *new TemporaryFolder(*TemporaryFolder::Create("kube"));
  static const std::string& path = *new std::string(folder.path() + "/config");
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (!WriteFile(path, text).ok()) return 0;
  for (const char* const context : {"", "other"}) (void)ReadKubeconfig(path, context);
  return 0;
}
