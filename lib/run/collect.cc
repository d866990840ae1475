#include "lib/run/collect.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "lib/base/status_macros.h"
#include "lib/diag/diagnostic.h"
#include "lib/run/attempt.h"

namespace deps {
namespace {

struct ExpectedOutput {
  std::string path;
  std::string type;
  bool sensitive = false;
  std::string sink;
  std::optional<JsonText> default_value;
};

// The plan's outputs with what the bundle says about them. An output that the
// plan leaves out is not the task's to write: the bundle promotes it.
std::map<std::string, ExpectedOutput> ExpectedOutputs(const PlannedTask& task) {
  std::map<std::string, ExpectedOutput> expected;
  for (const auto& [name, output] : task.outputs) {
    expected[name] = {.path = output.path,
                      .type = output.type,
                      .sensitive = output.sensitive,
                      .sink = output.sink};
  }
  for (const auto& [name, output] : task.bundle.outputs) {
    if (expected.count(name) == 0) continue;
    if (!output.apply_to.empty() && std::find(output.apply_to.begin(), output.apply_to.end(),
                                              task.action) == output.apply_to.end()) {
      expected.erase(name);
      continue;
    }
    ExpectedOutput& item = expected[name];
    if (item.path.empty()) item.path = output.path;
    if (item.type.empty()) item.type = output.type;
    item.sensitive = item.sensitive || output.sensitive;
    item.default_value = output.default_value;
  }
  for (auto& [name, item] : expected) {
    if (item.path.empty()) item.path = absl::StrCat("/cnab/app/outputs/", name);
  }
  return expected;
}

absl::Status Bad(const std::string& name, std::string_view why) {
  return MakeError(
      {.id = DiagnosticId::kRunFailed, .message = absl::StrCat("output '", name, "' ", why)});
}

absl::StatusOr<std::optional<StoredOutput>> Collect(const std::string& name,
                                                    const ExpectedOutput& item, const Claim& claim,
                                                    const Scratch& scratch, StateKey& key,
                                                    const Getenv& getenv) {
  if (!absl::StartsWith(item.path, "/cnab/app/outputs/")) {
    return Bad(name, absl::StrCat("has a path outside of /cnab/app/outputs: '", item.path, "'"));
  }
  absl::StatusOr<std::optional<SecretBuffer>> read = scratch.Read(item.path, kMaxOutput);
  if (!read.ok()) return Bad(name, DiagnosticsOf(read.status())[0].message);
  if (!read->has_value()) {
    if (!item.default_value.has_value()) return std::nullopt;
    *read = BytesOf(*item.default_value);
  }
  const std::string_view bytes = (*read)->view();
  if (!IsOfType(item.type, bytes)) return Bad(name, absl::StrCat("is not of type ", item.type));
  StoredOutput output = {.name = name, .sensitive = item.sensitive};
  if (item.sensitive && !item.sink.empty()) {
    DEPS_ASSIGN_OR_RETURN(output.ref, StoreSecret(item.sink, bytes, getenv));
  } else if (item.sensitive) {
    output.ref = OutputRef(claim.workflow, claim.task, name);
    DEPS_ASSIGN_OR_RETURN(output.box, key.Seal(bytes, output.ref));
  } else {
    if (!IsUtf8(bytes)) return Bad(name, "is not UTF-8");
    output.value = AsJson(item.type, bytes);
  }
  return output;
}

}  // namespace

void CollectOutputs(const PlannedTask& task, const Claim& claim, const Scratch& scratch,
                    StateKey& key, const Getenv& getenv, TaskResult* result) {
  for (const auto& [name, item] : ExpectedOutputs(task)) {
    absl::StatusOr<std::optional<StoredOutput>> output =
        Collect(name, item, claim, scratch, key, getenv);
    if (output.ok() && output->has_value()) {
      result->outputs.push_back(*std::move(*output));
      continue;
    }
    if (result->status != "succeeded") continue;
    // Nothing that reads them comes after an uninstallation.
    if (output.ok() && task.action == "uninstall") continue;
    result->status = "failed";
    result->reason = "output";
    result->message = output.ok()
                          ? absl::StrCat("output '", name, "' was not written to '", item.path, "'")
                          : DiagnosticsOf(output.status())[0].message;
  }
}

}  // namespace deps
